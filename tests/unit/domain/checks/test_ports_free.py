from __future__ import annotations

from hosts.facts.guest import CharacterDevice, Graphics
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import only, run, with_guest, with_target

VNC = with_guest(graphics=(Graphics(type="vnc", ports=(5901,)),))
SERIAL = with_guest(
    character_devices=(CharacterDevice(device="serial", type="tcp", address="0.0.0.0", port="4555", listens=True),)
)


def test_a_free_port_passes_and_one_in_use_blocks() -> None:
    assert run("ports_free", with_target(VNC, ports=frozenset({5900}))) == ()
    found = only("ports_free", with_target(VNC, ports=frozenset({5901})), Severity.BLOCKER)
    assert found.summary == "Port 5901, which the vnc display of web01 needs, is in use on kvm-b."
    assert "serial" in only("ports_free", with_target(SERIAL, ports=frozenset({4555})), Severity.BLOCKER).summary


def test_not_told_is_unknown_and_without_fixed_ports_nobody_asks() -> None:
    assert only("ports_free", VNC, Severity.UNKNOWN)
    assert run("ports_free", with_guest(graphics=(Graphics(type="vnc"),))) == ()
