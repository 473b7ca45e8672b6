from __future__ import annotations

import pytest

from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, identity, only, run, with_guest, with_target


def _facts(*leaves: tuple[str, str], libvirt: int) -> Facts:
    return with_target(with_guest(HEALTHY, leaves=leaves), identity=identity(libvirt=libvirt))


def test_an_element_a_later_libvirt_has() -> None:
    leaves = (
        ("throttlegroups", ""),
        ("throttlegroups/throttlegroup", ""),
        ("throttlegroups/throttlegroup/group_name", "a"),
    )
    found = only("newer_parts", _facts(*leaves, libvirt=10_000_000), Severity.UNKNOWN)
    assert found.summary == "libvirt on kvm-b may be too old for throttlegroups, which web01 uses."
    assert found.evidence["libvirt on kvm-b"] == "10.0.0"
    assert run("newer_parts", _facts(*leaves, libvirt=11_003_000)) == ()


@pytest.mark.parametrize(("path", "value"), [("cpu/@deprecated_features", "off"), ("devices/watchdog/@model", "itco")])
def test_an_attribute_and_a_value(path: str, value: str) -> None:
    found = only("newer_parts", _facts((path, value), libvirt=9_000_000), Severity.UNKNOWN)
    assert f"{path}={value}" in found.summary


def test_what_the_oldest_schemas_have_is_not_told() -> None:
    assert run("newer_parts", _facts(("devices/watchdog/@model", "i6300esb"), libvirt=8_000_000)) == ()


def test_no_version() -> None:
    only("newer_parts", _facts(libvirt=0), Severity.UNKNOWN)
