from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, facts, only, run


def test_passes_when_nobody_refuses() -> None:
    assert run("definition_accepted", HEALTHY) == ()


def test_each_refusal_blocks_with_libvirts_words() -> None:
    finding = only("definition_accepted", facts(target_refusal="XML error: target 'vda' duplicated"), Severity.BLOCKER)
    assert finding.summary == "libvirt on kvm-b refuses the definition of web01."
    assert finding.evidence == {"libvirt": "XML error: target 'vda' duplicated"}
    assert len(run("definition_accepted", facts(source_refusal="no", target_refusal="no"))) == 2


def test_unknown_is_said() -> None:
    only("definition_accepted", facts(source_refusal=SILENT), Severity.UNKNOWN)
