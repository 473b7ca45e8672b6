from __future__ import annotations

import pytest

from hosts.facts.guest import Cpu, SharedMemory
from migrations_app.domain.definition.unmigratable import ROWS, Row
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import identity, only, run, with_guest, with_source


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_each_row_blocks_with_qemus_words(row: Row) -> None:
    for path in row.paths:
        for value in row.values or ("",):
            given = with_source(with_guest(leaves=((path, value),)), identity=identity(qemu=10_000_000))
            assert only("unmigratable", given, Severity.BLOCKER).evidence["QEMU says"] == row.words


def test_an_older_qemu_that_has_no_such_blocker_is_not_blamed() -> None:
    given = with_guest(leaves=(("devices/sound/@model", "virtio"),))
    assert run("unmigratable", with_source(given, identity=identity(qemu=8_001_000))) == ()
    assert only("unmigratable", with_source(given, identity=identity(qemu=0)), Severity.UNKNOWN)


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
