"""What libvirt keeps of a running guest outside its definition, from its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hosts.facts.guest import RuntimeSettings

#: libvirt's number for "no limit" (2**63 - 1 bytes), in MiB/s
NO_LIMIT = (2**63 - 1) // 1024**2
#: libvirt's words in a VM's messages, after virsh qemu-monitor-command
MONITOR = "custom monitor control commands issued"


def read(stats: Mapping[str, int | str], *, speed: int, messages: Iterable[str]) -> RuntimeSettings:
    """`stats` are those of libvirt's groups block and iothread."""
    disks = {key.split(".")[1]: str(value) for key, value in stats.items() if key.endswith(".name")}
    return RuntimeSettings(
        speed_mib=speed if 0 < speed < NO_LIMIT else None,
        thresholds={disks[index]: value for index, value in _numbers(stats, "block", "threshold") if index in disks},
        polling={int(index): value for index, value in _numbers(stats, "iothread", "poll-max-ns") if index.isdecimal()},
        monitor=any(MONITOR in message for message in messages),
    )


def _numbers(stats: Mapping[str, int | str], group: str, what: str) -> list[tuple[str, int]]:
    """("0", 4096) for block.0.threshold=4096."""
    found = []
    for key, value in stats.items():
        parts = key.split(".")
        if len(parts) == 3 and (parts[0], parts[2]) == (group, what) and isinstance(value, int):
            found.append((parts[1], value))
    return found
