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


def test_a_file_that_no_pool_shows_blocks_too() -> None:
    given = replace(COPY, target_files={LOCAL: True})
    assert "would overwrite it" in only("copy_place", given, Severity.BLOCKER).summary


def test_below_the_folder_of_a_pool_is_no_place() -> None:
    below = replace(local_disk, path="/local/below/data.qcow2")
    given = with_options(with_guest(disks=(below,)), copy_disks=("vdb",))
    assert "no pool with the path /local/below" in only("copy_place", given, Severity.BLOCKER).summary


BY_POOL = replace(local_disk, type="volume", path="", pool="local", volume="data.qcow2")
COPY_BY_POOL = with_options(with_guest(disks=(BY_POOL,)), copy_disks=("vdb",))


def test_a_disk_given_by_pool_and_volume_needs_the_pool_of_that_name() -> None:
    given = replace(COPY_BY_POOL, source_volumes={"local/data.qcow2": local_volume})
    assert run("copy_place", given) == ()
    other = with_target(given, pools=(replace(local_pool, name="other"),))
    assert "no pool that is called local" in only("copy_place", other, Severity.BLOCKER).summary
    taken = replace(given, target_volumes={"local/data.qcow2": local_volume})
    only("copy_place", taken, Severity.BLOCKER)


def test_unknown_blocks() -> None:
    only("copy_place", with_options(facts(target_volumes=SILENT), copy_disks=True), Severity.BLOCKER)
    only("copy_place", replace(COPY, target_volumes={LOCAL: SILENT}), Severity.BLOCKER)
