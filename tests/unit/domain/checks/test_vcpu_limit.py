from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, domcaps, facts, only, run


def test_passes_up_to_the_limit() -> None:
    assert run("vcpu_limit", HEALTHY) == ()
    assert run("vcpu_limit", facts(target_domcaps=replace(domcaps, max_vcpus=2))) == ()


def test_passes_when_libvirt_names_no_limit() -> None:
    assert run("vcpu_limit", facts(target_domcaps=replace(domcaps, max_vcpus=0))) == ()


def test_more_than_the_limit_blocks() -> None:
    finding = only("vcpu_limit", facts(target_domcaps=replace(domcaps, max_vcpus=1)), Severity.BLOCKER)
    assert finding.evidence == {"vCPUs": "2", "limit": "1"}


def test_unknown_without_domain_capabilities() -> None:
    only("vcpu_limit", facts(target_domcaps=SILENT), Severity.UNKNOWN)
