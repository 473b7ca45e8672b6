from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.storage import Part
from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Options
from migrations_app.domain.preflight.streams import parts, why_not_stream
from tests.unit.domain.factories import changed, cold, with_guest

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


def test_files_in_a_pool_can_be_read() -> None:
    assert why_not_stream(cold()) == ""


@pytest.mark.parametrize(
    ("plain", "tls", "why"),
    [
        (("source", "target"), False, ""),
        ((), True, ""),
        (("target",), True, "reaches kvm-b by plain TCP."),
        (("source", "target"), True, "reaches kvm-a and kvm-b by plain TCP."),
    ],
)
def test_nothing_that_is_to_be_encrypted_goes_over_plain_tcp(plain: tuple[str, ...], tls: bool, why: str) -> None:
    given = changed(cold(), **{f"{side}_plain": True for side in plain})
    given = replace(given, request=replace(given.request, kind=Kind.OFFLINE_STORAGE, options=Options(tls=tls)))
    assert why_not_stream(given).endswith(why)
    assert bool(why_not_stream(given)) is bool(why)


def test_a_tpm_at_another_place_is() -> None:
    leaves = (("devices/tpm/backend/@type", "emulator"), ("devices/tpm/backend/source/@path", "/srv/tpm"))
    assert "TPM is not in libvirt's own place" in why_not_stream(cold(with_guest(leaves=leaves)))
