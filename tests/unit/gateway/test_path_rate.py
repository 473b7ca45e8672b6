"""A probe stream between two hosts that say what a test wants."""

from __future__ import annotations

import pytest

from hosts.gateway import path_rate
from hosts.gateway._path_rate import PORTS
from hosts.gateway.port import GatewayError
from hosts.gateway.probes.rate_stream import rate_stream
from tests.fakes.gateway import FakeFleet, FakeHost
from tests.fakes.streaming import can_stream, took

MIB = 1024 * 1024
ADDRESS = "198.51.100.2"


def measured(fleet: FakeFleet) -> float:
    source, target = (fleet.connect(fleet[name].endpoint()) for name in ("kvm-a", "kvm-b"))
    return path_rate(source, target, ADDRESS)


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = FakeFleet("kvm-a", "kvm-b")
    can_stream(fleet["kvm-a"], fleet["kvm-b"], address=ADDRESS)
    return fleet


def asked(fleet: FakeFleet, name: str) -> list[tuple[str, ...]]:
    return [call.arguments for call in fleet.calls if call.method == name]


def test_a_short_stream_tells_how_long_the_other_one_is(fleet: FakeFleet) -> None:
    fleet["kvm-a"].written["rate_stream"] = took(0.4)  # 10 MiB/s, so 20 MiB in two seconds
    assert measured(fleet) == 20 * MIB / 0.4
    assert [words[2] for words in asked(fleet, "rate_stream")] == ["4", "20"]
    assert {words[:2] for words in asked(fleet, "rate_stream")} == {(ADDRESS, "49215")}
    assert asked(fleet, "rate_sink") == [(ADDRESS, "49215")]
    for seconds in (0.4, 4 * 2 / 7):  # as many MiB as seconds of patience
        fleet["kvm-a"].written["rate_stream"] = took(seconds)
        measured(fleet)
    for words in asked(fleet, "rate_stream"):
        assert rate_stream.words(words) == words  # a probe leaves out what it was given before


def test_it_is_never_endless_and_never_shorter_than_the_first(fleet: FakeFleet) -> None:
    for seconds, mib in ((0.0, "4096"), (4.0, "4")):
        fleet["kvm-a"].written["rate_stream"] = took(seconds)
        assert measured(fleet) > 0
        assert asked(fleet, "rate_stream")[-1][2] == mib


def test_it_takes_a_free_port(fleet: FakeFleet) -> None:
    can_stream(fleet["kvm-a"], fleet["kvm-b"], address=ADDRESS, used=(49215, 49214))
    measured(fleet)
    assert asked(fleet, "rate_sink") == [(ADDRESS, "49213")]
    can_stream(fleet["kvm-a"], fleet["kvm-b"], address=ADDRESS, used=PORTS)
    with pytest.raises(GatewayError, match="No port from 49152 to 49215 is free"):
        measured(fleet)


@pytest.mark.parametrize("name", ["kvm-a", "kvm-b"])
def test_where_only_libvirt_can_be_asked_nothing_is_known(fleet: FakeFleet, name: str) -> None:
    fleet[name].written.clear()
    with pytest.raises(GatewayError, match="needs both hosts registered by ssh"):
        measured(fleet)
    assert asked(fleet, "rate_sink") == asked(fleet, "rate_stream") == []


def _fails(host: FakeHost, probe: str, why: str) -> None:
    host.fail(probe, GatewayError(f"{host.name} could not {probe}: {why}"))


def test_the_reason_of_the_destination_counts_more(fleet: FakeFleet) -> None:
    _fails(fleet["kvm-a"], "rate_stream", "Connection refused")
    with pytest.raises(GatewayError, match="Connection refused"):
        measured(fleet)
    _fails(fleet["kvm-a"], "rate_stream", "Connection refused")
    _fails(fleet["kvm-b"], "rate_sink", "qemu-nbd is not installed")
    with pytest.raises(GatewayError, match="qemu-nbd is not installed"):
        measured(fleet)
