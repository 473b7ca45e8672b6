from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, domcaps, only, run, with_guest, with_target

FIXED = with_guest(leaves=(("cpu/maxphysaddr/@mode", "passthrough"), ("cpu/maxphysaddr/@limit", "46")))
OPEN = with_guest(leaves=(("cpu/maxphysaddr/@mode", "passthrough"),))


def test_passes_with_as_many_and_blocks_with_fewer() -> None:
    assert run("cpu_address_bits", with_target(FIXED, domcaps=replace(domcaps, address_bits=46))) == ()
    found = only("cpu_address_bits", with_target(FIXED, domcaps=replace(domcaps, address_bits=39)), Severity.BLOCKER)
    assert found.summary == "web01 uses 46 address bits; the CPU of kvm-b has 39."


def test_not_told_is_unknown_and_without_it_nobody_asks() -> None:
    assert only("cpu_address_bits", FIXED, Severity.UNKNOWN)
    assert only("cpu_address_bits", with_target(OPEN, domcaps=replace(domcaps, address_bits=46)), Severity.UNKNOWN)
    assert run("cpu_address_bits", with_target(domcaps=SILENT)) == ()
