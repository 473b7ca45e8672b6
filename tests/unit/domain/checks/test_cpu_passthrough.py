from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import Cpu
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, capabilities, only, run, with_guest, with_source, with_target

LESS = replace(capabilities, cpu_features=frozenset({"aes"}))
PASSTHROUGH = with_guest(cpu=Cpu(mode="host-passthrough"))


def test_passes_for_a_named_model() -> None:
    assert run("cpu_passthrough", with_target(HEALTHY, capabilities=LESS)) == ()


def test_passes_between_equal_hosts() -> None:
    assert run("cpu_passthrough", PASSTHROUGH) == ()


def test_passes_for_emulated_guests() -> None:
    given = with_guest(with_target(capabilities=LESS), virt_type="qemu", cpu=Cpu(mode="maximum"))
    assert run("cpu_passthrough", given) == ()


@pytest.mark.parametrize("mode", ["host-passthrough", "maximum"])
def test_warns_between_different_hosts(mode: str) -> None:
    given = with_guest(with_target(capabilities=LESS), cpu=Cpu(mode=mode))
    assert only("cpu_passthrough", given, Severity.WARNING).evidence["missing on kvm-b"] == "avx2"
    other = replace(capabilities, cpu_model="Haswell")
    only("cpu_passthrough", with_guest(with_target(capabilities=other), cpu=Cpu(mode=mode)), Severity.WARNING)


def test_warns_when_the_destination_has_more() -> None:
    more = replace(capabilities, cpu_features=capabilities.cpu_features | {"avx512f"})
    finding = only("cpu_passthrough", with_target(PASSTHROUGH, capabilities=more), Severity.WARNING)
    assert (finding.evidence["missing on kvm-b"], finding.evidence["only on kvm-b"]) == ("none", "avx512f")


def test_a_cpu_without_a_name_is_unknown() -> None:
    nameless = replace(capabilities, cpu_model="")
    only("cpu_passthrough", with_target(PASSTHROUGH, capabilities=nameless), Severity.UNKNOWN)
    only("cpu_passthrough", with_source(PASSTHROUGH, capabilities=nameless), Severity.UNKNOWN)


def test_unknown_without_capabilities() -> None:
    only("cpu_passthrough", with_target(PASSTHROUGH, capabilities=SILENT), Severity.UNKNOWN)
