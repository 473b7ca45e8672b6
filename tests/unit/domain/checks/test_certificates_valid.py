from __future__ import annotations

import pytest

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, only, run, with_source, with_target


def test_passes_without_certificates_and_with_time_left() -> None:
    assert run("certificates_valid", HEALTHY) == ()
    assert run("certificates_valid", with_source(certificates={"kvmweb": 30.0, "libvirt on kvm-a": 400.0})) == ()


def test_a_month_before_is_an_info_and_a_week_before_a_warning() -> None:
    found = only("certificates_valid", with_target(certificates={"libvirt on kvm-b": 29.9}), Severity.INFO)
    assert found.summary == "The certificate of libvirt on kvm-b expires in 29 days."
    assert "restart libvirtd" in found.remedies[0].text
    found = only("certificates_valid", with_source(certificates={"kvmweb": 1.2}), Severity.WARNING)
    assert found.summary == "The certificate of kvmweb expires in 1 day."


def test_one_of_qemu_has_another_place() -> None:
    found = only("certificates_valid", with_target(certificates={"QEMU on kvm-b": 3.0}), Severity.WARNING)
    assert found.summary == "The certificate of QEMU on kvm-b expires in 3 days."
    assert "/etc/pki/qemu" in found.remedies[0].text


def test_one_that_has_expired_is_not_said_to_expire() -> None:
    found = only("certificates_valid", with_source(certificates={"kvmweb": -0.1}), Severity.WARNING)
    assert found.summary == "The certificate of kvmweb has expired."


def test_the_same_certificate_of_kvmweb_is_said_once() -> None:
    given = with_target(with_source(certificates={"kvmweb": 3.0}), certificates={"kvmweb": 3.0})
    only("certificates_valid", given, Severity.WARNING)


@pytest.mark.parametrize("side", [with_source, with_target])
def test_unknown_when_the_handshake_failed(side: object) -> None:
    only("certificates_valid", side(certificates=Unknown("kvm-a: timed out")), Severity.UNKNOWN)  # type: ignore[operator]
