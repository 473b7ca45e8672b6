from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    HEALTHY,
    LOCAL,
    SHARED,
    SILENT,
    disk,
    facts,
    local_disk,
    local_pool,
    local_volume,
    only,
    run,
    with_guest,
    with_options,
    with_target,
)

COPY = with_options(with_guest(disks=(disk, local_disk)), copy_disks=("vdb",))


def test_passes_when_nothing_is_copied() -> None:
    assert run("copy_place", with_target(pools=())) == ()


def test_passes_with_a_pool_at_the_folder() -> None:
    assert run("copy_place", COPY) == ()
    assert run("copy_place", with_target(COPY, pools=(replace(local_pool, target_path="/local/"),))) == ()


def test_no_pool_blocks() -> None:
    finding = only("copy_place", with_target(COPY, pools=()), Severity.BLOCKER)
    assert finding.summary == "kvm-b has no pool with the path /local for the copy of disk vdb."


def test_an_inactive_pool_blocks() -> None:
    off = replace(local_pool, active=False)
    finding = only("copy_place", with_target(COPY, pools=(off,)), Severity.BLOCKER)
    assert finding.remedies[0].command == "virsh pool-start local"


def test_a_volume_of_that_name_blocks() -> None:
    given = replace(COPY, target_volumes={SHARED: None, LOCAL: local_volume})
    assert "would overwrite it" in only("copy_place", given, Severity.BLOCKER).summary


def test_copying_a_shared_disk_onto_itself_blocks() -> None:
    finding = only("copy_place", with_options(HEALTHY, copy_disks=("vda",)), Severity.BLOCKER)
    assert "would overwrite it" in finding.summary


def test_unknown_blocks() -> None:
    only("copy_place", with_options(facts(target_volumes=SILENT), copy_disks=True), Severity.BLOCKER)
