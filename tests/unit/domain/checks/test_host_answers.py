from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, changed, look, only, run, stays


def test_passes_when_it_answers() -> None:
    assert run("host_answers", stays()) == ()


def test_a_silent_host_blocks() -> None:
    finding = only("host_answers", changed(stays(), source_identity=SILENT), Severity.BLOCKER)
    assert finding.summary.startswith("kvmweb cannot tell whether the VM's host is connected")


def test_one_that_does_not_know_about_the_vm_blocks() -> None:
    silent = stays(guest_look=replace(look, answered=False, error="timed out"))
    assert "kvm-a did not answer: timed out" in only("host_answers", silent, Severity.BLOCKER).summary
