from __future__ import annotations

import pytest

from hosts.facts.guest import CharacterDevice
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import only, run, with_guest


def device(**fields: object) -> Facts:
    return with_guest(character_devices=(CharacterDevice(**({"device": "serial"} | fields)),))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["pty", "file", "dev", "null", "spicevmc"])
def test_what_qemu_makes_itself_or_another_check_judges_passes(kind: str) -> None:
    assert run("character_devices", device(type=kind)) == ()


def test_a_random_number_generator_is_no_stream() -> None:
    assert run("character_devices", device(device="rng", type="random")) == ()


def test_a_server_of_the_vm_passes_and_a_connection_is_unknown() -> None:
    for kind in ("tcp", "unix"):
        assert run("character_devices", device(type=kind, path="/run/x", listens=True)) == ()
    assert run("character_devices", device(type="unix")) == ()  # libvirt makes it
    assert only("character_devices", device(type="unix", path="/run/x"), Severity.UNKNOWN)
    found = only("character_devices", device(type="tcp", address="192.0.2.9", port="4555"), Severity.UNKNOWN)
    assert found.evidence["connected to"] == "192.0.2.9:4555"


@pytest.mark.parametrize("kind", ["udp", "pipe", "dbus", "nmdm", "new"])
def test_others_are_unknown(kind: str) -> None:
    assert only("character_devices", device(type=kind), Severity.UNKNOWN)
