from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import JobKind
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, UUID, facts, look, only, run


def test_passes_without_a_job() -> None:
    assert run("guest_busy", HEALTHY) == ()


@pytest.mark.parametrize("job", [JobKind.MIGRATION_OUT, JobKind.MIGRATION_IN, JobKind.OTHER])
def test_any_job_blocks(job: JobKind) -> None:
    finding = only("guest_busy", facts(guest_look=replace(look, job=job)), Severity.BLOCKER)
    assert finding.evidence == {"job": str(job)}
    assert finding.remedies[0].command == f"virsh domjobinfo {UUID}"


def test_unknown_when_the_job_could_not_be_read() -> None:
    only("guest_busy", facts(guest_look=replace(look, job=JobKind.UNKNOWN)), Severity.UNKNOWN)
    only("guest_busy", facts(guest_look=replace(look, answered=False)), Severity.UNKNOWN)
    only("guest_busy", facts(guest_look=SILENT), Severity.UNKNOWN)
