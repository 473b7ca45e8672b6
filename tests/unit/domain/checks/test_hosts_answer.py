from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, facts, look, only, run, with_source, with_target


def test_passes_when_both_answer() -> None:
    assert run("hosts_answer", HEALTHY) == ()


def test_a_silent_destination_blocks() -> None:
    finding = only("hosts_answer", with_target(identity=SILENT), Severity.BLOCKER)
    assert "kvm-b did not say" in finding.summary
    assert finding.remedies[0].text == "Try again."


def test_a_silent_source_blocks() -> None:
    only("hosts_answer", with_source(identity=SILENT), Severity.BLOCKER)


def test_a_source_that_does_not_know_about_the_guest_blocks() -> None:
    silent = replace(look, answered=False, error="timed out")
    assert "kvm-a did not answer: timed out" in only("hosts_answer", facts(guest_look=silent), Severity.BLOCKER).summary
