from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import only, run, with_guest


def test_passes_with_what_it_knows() -> None:
    assert run("not_examined", with_guest(leaves=(("devices/disk/@type", "file"), ("name", "web01")))) == ()


def test_names_what_nobody_judges_and_why() -> None:
    found = only("not_examined", with_guest(leaves=(("qemu:commandline", ""),)), Severity.UNKNOWN)
    assert found.summary.startswith("Not examined: qemu:commandline.")
    assert found.evidence["why"] == "Arguments for QEMU that libvirt does not look at."


def test_names_a_value_that_nobody_knows() -> None:
    found = only("not_examined", with_guest(leaves=(("devices/video/model/@type", "holo"),)), Severity.UNKNOWN)
    assert found.summary.startswith("Not examined: devices/video/model/@type=holo.")
