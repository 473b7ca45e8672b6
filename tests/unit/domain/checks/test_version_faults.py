from __future__ import annotations

import pytest

from hosts.facts.guest import Cpu
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, identity, only, run, with_guest, with_target

NESTED = Cpu(mode="custom", model="Skylake-Server", features=(("vmx", "require"),))
THREADS = Cpu(mode="custom", model="qemu64", xml='<cpu><topology sockets="1" cores="2" threads="2"/></cpu>')
SINGLE = Cpu(mode="custom", model="qemu64", xml="<cpu><topology sockets='1' cores='2' threads='1'/></cpu>")


def test_passes_for_plain_guests() -> None:
    assert run("version_faults", HEALTHY) == ()
    assert run("version_faults", with_target(identity=identity(libvirt=10_000_000))) == ()


@pytest.mark.parametrize("libvirt", [9_009_000, 10_002_000])
def test_passes_for_nested_guests_outside_of_the_range(libvirt: int) -> None:
    assert run("version_faults", with_guest(with_target(identity=identity(libvirt=libvirt)), cpu=NESTED)) == ()


def test_passes_with_one_thread_per_core_or_a_fixed_libvirt() -> None:
    debian13 = with_target(identity=identity(libvirt=11_003_000, qemu=10_000_000))
    assert run("version_faults", with_guest(debian13, cpu=SINGLE)) == ()
    fixed = with_target(identity=identity(libvirt=11_010_000, qemu=10_000_000))
    assert run("version_faults", with_guest(fixed, cpu=THREADS)) == ()


def test_nested_guests_to_libvirt_10_0_are_a_warning() -> None:
    given = with_guest(with_target(identity=identity(libvirt=10_000_000)), cpu=NESTED)
    assert only("version_faults", given, Severity.WARNING).evidence["fixed in"] == "10.2.0"


def test_threads_to_debian_13_are_a_warning() -> None:
    given = with_guest(with_target(identity=identity(libvirt=11_003_000, qemu=10_000_000)), cpu=THREADS)
    assert only("version_faults", given, Severity.WARNING).evidence["fixed in"] == "11.10.0"


def test_other_architectures_have_no_such_feature() -> None:
    given = with_guest(with_target(identity=identity(libvirt=11_003_000, qemu=10_000_000)), cpu=THREADS, arch="ppc64")
    assert run("version_faults", given) == ()


def test_threads_to_a_qemu_that_is_not_said_are_unknown() -> None:
    given = with_guest(with_target(identity=identity(libvirt=11_003_000, qemu=0)), cpu=THREADS)
    only("version_faults", given, Severity.UNKNOWN)


def test_unknown_when_the_destination_is_silent() -> None:
    only("version_faults", with_target(identity=SILENT), Severity.UNKNOWN)
