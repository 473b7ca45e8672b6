from __future__ import annotations

import pytest

from hosts.facts.storage import Part
from migrations_app.domain.preflight.streams import parts, why_not_stream
from tests.unit.domain.factories import cold, with_guest

GIB = 1024**3


@pytest.mark.parametrize("size", [0, 1, 64 * 1024**2, 64 * 1024**2 + 1, 8 * GIB, 9 * GIB, 1024 * GIB + 5])
def test_parts_are_the_whole_in_order(size: int) -> None:
    found = list(parts(size))
    assert sum(part.length for part in found) == size
    assert [part.offset for part in found] == [sum(part.length for part in found[:at]) for at in range(len(found))]
    assert len(found) <= 128
    assert all(part.length for part in found)


def test_a_small_disk_is_one_part() -> None:
    assert list(parts(1000)) == [Part(offset=0, length=1000)]


@pytest.mark.parametrize(
    "refusal",
    [
        'Failed to get "write" lock',
        "Is another process using the image [/srv/a.img]?",
        "resource busy: Failed to acquire lock: Lease is held by another host",
        "Requested operation is not valid: domain is already active",
    ],
)
def test_what_may_be_written_to_is_not_copied(refusal: str) -> None:
    assert why_not_stream(cold(), refusal) == "Something may use its disks, so kvmweb does not copy them."


@pytest.mark.parametrize(
    "refusal",
    [
        "Cannot get interface MTU on 'br-gone': No such device",
        "the CPU is incompatible with host CPU: Host CPU does not provide required features: avx512f",
        "unable to map backing store for guest RAM: Cannot allocate memory",
        "Could not open '/dev/gone': No such file or directory",
    ],
)
def test_what_is_missing_is_no_obstacle(refusal: str) -> None:
    assert why_not_stream(cold(), refusal) == ""


def test_a_tpm_at_another_place_is() -> None:
    leaves = (("devices/tpm/backend/@type", "emulator"), ("devices/tpm/backend/source/@path", "/srv/tpm"))
    assert "TPM is not in libvirt's own place" in why_not_stream(cold(with_guest(leaves=leaves)), "gone")
