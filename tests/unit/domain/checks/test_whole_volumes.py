from __future__ import annotations

from dataclasses import replace
from typing import Any

from hosts.facts.guest import RunState
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import SHARED, look, only, run, stays, volume

OFF = replace(look, state=RunState.SHUTOFF, reason="shutdown")
RAW = {"vda": {"pool": "fast", "format": "raw"}}


def off(given: Facts) -> Facts:
    return replace(given, guest=replace(given.guest, look=OFF))


def with_volume(given: Facts, found: Any) -> Facts:
    return replace(given, source=replace(given.source, volumes={SHARED: found}))


def test_passes_for_a_plain_volume_and_for_a_vm_that_runs() -> None:
    assert run("whole_volumes", off(stays())) == ()
    assert run("whole_volumes", stays(disks=RAW)) == ()
    assert run("whole_volumes", with_volume(stays(), replace(volume, backing="/vms/base.qcow2"))) == ()


def test_another_format_blocks() -> None:
    finding = only("whole_volumes", off(stays(disks=RAW)), Severity.BLOCKER)
    assert finding.summary == (
        "web01 is shut off, and disk vda would get another format (raw), which only a running VM's disk can get."
    )
    assert "virsh start" in finding.remedies[0].command


def test_an_image_that_builds_on_another_one_blocks() -> None:
    given = with_volume(off(stays()), replace(volume, backing="/vms/base.qcow2"))
    assert "builds on another image" in only("whole_volumes", given, Severity.BLOCKER).summary


def test_a_disk_in_no_pool_blocks() -> None:
    for found in (None, replace(volume, pool="", type="block")):
        assert "in no active pool" in only("whole_volumes", with_volume(off(stays()), found), Severity.BLOCKER).summary


def test_a_block_device_is_copied_only_while_the_vm_runs() -> None:
    logical = replace(volume, type="block")
    assert run("whole_volumes", with_volume(stays(), logical)) == ()
    assert "is a block device" in only("whole_volumes", with_volume(off(stays()), logical), Severity.BLOCKER).summary


def test_unknown_whether_it_runs() -> None:
    given = stays()
    only("whole_volumes", replace(given, guest=replace(given.guest, look=Unknown("no answer"))), Severity.BLOCKER)
