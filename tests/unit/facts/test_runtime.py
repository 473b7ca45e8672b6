"""What libvirt answers about a running guest, outside its definition."""

from __future__ import annotations

from hosts.facts.guest import RuntimeSettings
from hosts.facts.runtime import NO_LIMIT, read

STATS: dict[str, int | str] = {
    "block.count": 2,
    "block.0.name": "vda",
    "block.0.threshold": 4096,
    "block.0.capacity": 64,
    "block.1.name": "vdb",
    "block.9.threshold": 7,
    "iothread.count": 1,
    "iothread.4.poll-max-ns": 5000,
    "iothread.4.poll-grow": 0,
    "iothread.x.poll-max-ns": 1,
    "iothread.5.poll-max-ns": "many",
}


def test_of_each_disk_and_iothread() -> None:
    found = read(STATS, speed=77, messages=("tainted: custom monitor control commands issued",))
    assert found == RuntimeSettings(speed_mib=77, thresholds={"vda": 4096}, polling={4: 5000}, monitor=True)


def test_nothing() -> None:
    for speed in (NO_LIMIT, 0):
        assert read({"block.count": 0}, speed=speed, messages=("tainted: other",)) == RuntimeSettings()
