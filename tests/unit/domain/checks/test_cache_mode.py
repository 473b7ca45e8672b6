from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.host import HostIdentity
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    HEALTHY,
    SILENT,
    disk,
    identity,
    only,
    run,
    with_guest,
    with_options,
    with_source,
)

WRITEBACK = with_guest(disks=(replace(disk, cache="writeback"),))
OLD: HostIdentity = identity(qemu=3_001_000)


def test_passes_without_cache() -> None:
    assert run("cache_mode", HEALTHY) == ()
    assert run("cache_mode", with_guest(disks=(replace(disk, cache="directsync"),))) == ()


def test_passes_for_what_is_copied_readonly_or_shareable() -> None:
    assert run("cache_mode", with_options(WRITEBACK, copy_disks=("vda",))) == ()
    assert run("cache_mode", with_guest(disks=(replace(disk, cache="", readonly=True),))) == ()
    assert run("cache_mode", with_guest(disks=(replace(disk, cache="", shareable=True),))) == ()


@pytest.mark.parametrize("mode", ["", "default", "writeback", "writethrough", "unsafe"])
def test_a_cache_is_a_note_where_qemu_drops_it(mode: str) -> None:
    only("cache_mode", with_guest(disks=(replace(disk, cache=mode),)), Severity.INFO)


def test_no_attribute_counts_as_writeback() -> None:
    finding = only("cache_mode", with_guest(disks=(replace(disk, cache=""),)), Severity.INFO)
    assert "vda (writeback)" in finding.summary


def test_a_cache_blocks_where_qemu_is_too_old() -> None:
    found = only("cache_mode", with_source(WRITEBACK, identity=OLD), Severity.BLOCKER)
    (better,) = found.remedies
    assert better.command == "virt-xml web01 --edit target=vda --disk cache=none"
    assert better.on == "kvm-a"
    assert better.text.endswith("it takes effect at the VM's next start.")


def test_unsafe_turns_it_into_a_warning() -> None:
    found = only("cache_mode", with_options(with_source(WRITEBACK, identity=OLD), unsafe=True), Severity.WARNING)
    assert "which QEMU 3.1.0 does not drop" in found.summary
    assert found.remedies


def test_unknown_without_the_version_of_qemu() -> None:
    only("cache_mode", with_source(identity=SILENT), Severity.UNKNOWN)


def test_a_version_that_the_host_does_not_say_is_unknown() -> None:
    only("cache_mode", with_source(WRITEBACK, identity=identity(qemu=0)), Severity.UNKNOWN)
    assert run("cache_mode", with_source(identity=identity(qemu=0))) == ()


def test_the_first_qemu_that_drops_its_cache() -> None:
    only("cache_mode", with_source(WRITEBACK, identity=identity(qemu=4_000_000)), Severity.INFO)


def test_several_disks_are_one_finding() -> None:
    two = with_guest(disks=(replace(disk, cache=""), replace(disk, target="vdb", cache="unsafe")))
    assert "vda (writeback), vdb (unsafe)" in only("cache_mode", two, Severity.INFO).summary
