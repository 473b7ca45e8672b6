from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    GIB,
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
    shared_pool,
    volume,
    with_guest,
    with_options,
    with_target,
)

LOCAL_ONLY = with_guest(disks=(local_disk,))


def test_passes_on_a_pool_that_both_hosts_have() -> None:
    assert run("storage_shared", HEALTHY) == ()


def test_passes_when_the_server_has_another_name_there() -> None:
    assert run("storage_shared", with_target(pools=(replace(shared_pool, source_hosts=("10.0.0.9",)),))) == ()


def test_passes_for_copied_readonly_and_network_disks() -> None:
    assert run("storage_shared", with_options(LOCAL_ONLY, copy_disks=("vdb",))) == ()
    assert run("storage_shared", with_guest(disks=(replace(local_disk, readonly=True),))) == ()
    assert run("storage_shared", with_guest(disks=(replace(disk, type="network", path=""),))) == ()


def test_a_local_file_blocks_in_libvirts_words() -> None:
    finding = only("storage_shared", LOCAL_ONLY, Severity.BLOCKER)
    assert "Migration without shared storage is unsafe" in finding.summary
    assert finding.evidence["path"] == LOCAL
    assert "local, type dir" in finding.evidence["pool on kvm-a"]


def test_unsafe_turns_it_into_a_warning() -> None:
    only("storage_shared", with_options(LOCAL_ONLY, unsafe=True), Severity.WARNING)


def test_a_directory_that_may_be_shared_is_unknown() -> None:
    given = replace(LOCAL_ONLY, target_volumes={LOCAL: local_volume})
    only("storage_shared", given, Severity.UNKNOWN)


def test_directories_of_two_file_systems_block() -> None:
    given = replace(LOCAL_ONLY, target_volumes={LOCAL: local_volume})
    only("storage_shared", with_target(given, pools=(replace(local_pool, capacity=50 * GIB),)), Severity.BLOCKER)


def test_a_shared_pool_that_leads_elsewhere_is_a_warning() -> None:
    given = with_target(pools=(replace(shared_pool, source_dir="/other"),))
    only("storage_shared", given, Severity.WARNING)


def test_a_block_device_is_a_warning() -> None:
    lv = replace(disk, type="block", path="/dev/vg/web01")
    given = with_guest(facts(source_volumes={lv.path: volume}, target_volumes={lv.path: volume}), disks=(lv,))
    assert "libvirt does not check it" in only("storage_shared", given, Severity.WARNING).summary


def test_unknown_when_pools_are_not_known() -> None:
    only("storage_shared", with_target(pools=SILENT), Severity.UNKNOWN)
    only("storage_shared", facts(source_volumes=SILENT, target_volumes={SHARED: None}), Severity.UNKNOWN)
