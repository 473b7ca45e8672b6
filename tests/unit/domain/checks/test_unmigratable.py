from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import Cpu, SharedMemory
from migrations_app.domain.definition.unmigratable import ROWS, Row
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import disk, identity, only, run, with_guest, with_source

CPU_OPTIONAL = Cpu(mode="custom", model="Skylake-Server", features=(("invtsc", "optional"),))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_each_row_blocks_with_qemus_words(row: Row) -> None:
    for path in row.paths:
        for value in row.values or ("",):
            given = with_source(with_guest(leaves=((path, value),)), identity=identity(qemu=10_000_000))
            assert only("unmigratable", given, Severity.BLOCKER).evidence["QEMU says"] == row.words


@pytest.mark.parametrize(("readonly", "blocked"), [(False, True), (True, False)])
def test_a_folder_as_a_disk_is_refused_when_the_vm_can_write(readonly: bool, blocked: bool) -> None:
    folder = replace(disk, type="dir", readonly=readonly)
    assert bool(run("unmigratable", with_guest(disks=(folder,)))) is blocked


@pytest.mark.parametrize(
    ("role", "model", "blocked"),
    [
        ("master", "ivshmem-plain", False),
        ("master", "ivshmem", True),
        ("peer", "ivshmem-plain", True),
        ("", "ivshmem-doorbell", True),
    ],
)
def test_shared_memory(role: str, model: str, blocked: bool) -> None:
    given = with_guest(shared_memory=(SharedMemory(name="s0", model=model, role=role),))
    assert bool(run("unmigratable", given)) is blocked


def test_invtsc_needs_a_frequency() -> None:
    cpu = Cpu(mode="custom", model="Skylake-Server", features=(("invtsc", "require"),))
    assert "invtsc" in only("unmigratable", with_guest(cpu=cpu), Severity.BLOCKER).summary
    assert (
        run(
            "unmigratable",
            with_guest(cpu=cpu, leaves=(("clock/timer/@name", "tsc"), ("clock/timer/@frequency", "2000000000"))),
        )
        == ()
    )


def test_no_other_timer_and_no_frequency_of_zero_scales_the_tsc() -> None:
    cpu = Cpu(mode="custom", model="Skylake-Server", features=(("invtsc", ""),))
    for name, frequency in (("hpet", "24000000"), ("tsc", "0")):
        leaves = (("clock/timer/@name", name), ("clock/timer/@frequency", frequency))
        assert only("unmigratable", with_guest(cpu=cpu, leaves=leaves), Severity.BLOCKER)


def test_optional_invtsc_is_unknown_without_a_frequency() -> None:
    given = with_guest(cpu=CPU_OPTIONAL)
    assert only("unmigratable", given, Severity.UNKNOWN).evidence["QEMU says"].startswith("State blocked")
    timer = (("clock/timer/@name", "tsc"), ("clock/timer/@frequency", "2800000000"))
    assert run("unmigratable", with_guest(cpu=CPU_OPTIONAL, leaves=timer)) == ()
