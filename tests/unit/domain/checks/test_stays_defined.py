from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, only, run, stopped


def test_passes_for_one_that_is_defined() -> None:
    assert run("stays_defined", stopped()) == ()


def test_a_transient_vm_blocks() -> None:
    finding = only("stays_defined", stopped(guest_persistent=False), Severity.BLOCKER)
    assert finding.summary == "web01 is transient: kvm-a forgets it when it shuts down."


def test_unknown_blocks() -> None:
    only("stays_defined", stopped(guest_persistent=SILENT), Severity.BLOCKER)
