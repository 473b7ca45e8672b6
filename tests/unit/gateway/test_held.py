"""What a host says when something else has a disk: its libvirt may say it in any language."""

from __future__ import annotations

import pytest

from hosts.gateway.port import GatewayError

QEMU = "interner Fehler: Prozess wurde beim Verbinden zum Monitor beendet: "


@pytest.mark.parametrize(
    ("message", "code", "domain"),
    [
        (f'{QEMU}Failed to get "write" lock', 1, 10),
        (f"{QEMU}Is another process using the image [/srv/a.img]?", 1, 10),
        (f"{QEMU}Could not open '/dev/vg/a': Device or resource busy", 1, 10),
        ("Ressource belegt: Sperre konnte nicht erlangt werden", 87, 42),
        ("interner Fehler: Sperre konnte nicht erlangt werden: Fehler -243", 1, 42),
        ("Ressource belegt: Lockspace-Ressource ist gesperrt", 87, 51),
        ("DAC-Benutzer von /srv/a.img ist schon anders gesetzt", 55, 24),
    ],
)
def test_something_else_may_use_it(message: str, code: int, domain: int) -> None:
    assert GatewayError(message, code=code, domain=domain).held


@pytest.mark.parametrize(
    ("message", "code", "domain"),
    [
        ("Cannot get interface MTU on 'br-gone': No such device", 38, 0),
        ("Requested operation is not valid: network 'lan' is not active", 55, 19),
        ("Requested operation is not valid: PCI device 0000:01:00.0 is in use by driver QEMU, domain web-02", 55, 10),
        ("the CPU is incompatible with host CPU: Host CPU does not provide required features: avx512f", 91, 31),
        (f"{QEMU}unable to map backing store for guest RAM: Cannot allocate memory", 1, 10),
        ("cannot load AppArmor profile 'libvirt-1'", 1, 24),
    ],
)
def test_what_is_missing_holds_no_disk(message: str, code: int, domain: int) -> None:
    assert not GatewayError(message, code=code, domain=domain).held
