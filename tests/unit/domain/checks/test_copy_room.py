from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    GIB,
    LOCAL,
    SILENT,
    changed,
    disk,
    fast_pool,
    local_disk,
    local_pool,
    local_volume,
    only,
    run,
    shared_pool,
    stays,
    with_guest,
    with_options,
    with_target,
)

COPY = with_options(with_guest(disks=(disk, local_disk)), copy_disks=True)
SECOND = replace(local_disk, target="vdc", path="/local/more.qcow2")


def test_passes_when_nothing_is_copied() -> None:
    assert run("copy_room", with_target(pools=(replace(local_pool, available=0),))) == ()


def test_passes_with_exactly_enough() -> None:
    assert run("copy_room", with_target(COPY, pools=(replace(local_pool, available=4 * GIB),))) == ()


def test_too_little_blocks() -> None:
    finding = only(
        "copy_room", with_target(COPY, pools=(replace(local_pool, available=4 * GIB - 3 * GIB // 2),)), Severity.BLOCKER
    )
    assert finding.evidence == {"needed": "4 GiB", "used now": "1 GiB", "free": "2.5 GiB"}
    assert "at least 1.5 GiB" in finding.remedies[0].text


def test_disks_of_one_pool_are_added_up() -> None:
    more = replace(local_volume, path=SECOND.path)
    given = changed(
        with_options(with_guest(disks=(local_disk, SECOND)), copy_disks=True),
        source_volumes={LOCAL: local_volume, SECOND.path: more},
    )
    only("copy_room", with_target(given, pools=(replace(local_pool, available=7 * GIB),)), Severity.BLOCKER)


def test_unknown_size_is_unknown() -> None:
    given = with_options(with_guest(disks=(local_disk,)), copy_disks=True)
    only("copy_room", changed(given, source_volumes={}), Severity.UNKNOWN)


def test_a_disk_given_by_pool_and_volume_counts_for_its_pool() -> None:
    by_pool = replace(local_disk, type="volume", path="", pool="local", volume="data.qcow2")
    given = changed(
        with_options(with_guest(disks=(by_pool,)), copy_disks=("vdb",)),
        source_volumes={"local/data.qcow2": local_volume},
    )
    only("copy_room", with_target(given, pools=(replace(local_pool, available=GIB),)), Severity.BLOCKER)


def test_unknown_blocks() -> None:
    only("copy_room", with_target(COPY, pools=SILENT), Severity.BLOCKER)


THIN = replace(local_volume, capacity=3 * 1024 * GIB, allocation=240 * 1024)
OVERCOMMIT = with_options(with_guest(disks=(local_disk,)), copy_disks=("vdb",), allow_overcommit=True)
PAUSED = "When the pool fills up, the VM is paused."


def thin(given: Facts, free: int = GIB, **changes: object) -> Facts:
    given = changed(given, source_volumes={LOCAL: replace(THIN, **changes)})  # type: ignore[arg-type]
    return with_target(given, pools=(replace(local_pool, available=free),))


def test_a_thin_disk_that_does_not_fit_in_full_needs_overcommit() -> None:
    finding = only("copy_room", thin(with_options(OVERCOMMIT, copy_disks=("vdb",))), Severity.BLOCKER)
    assert "need 3 TiB and use 240 KiB now" in finding.summary
    assert "“Allow overcommit”" in finding.remedies[1].text
    assert PAUSED in finding.remedies[1].text


def test_with_overcommit_it_is_a_warning_with_its_consequence() -> None:
    finding = only("copy_room", thin(OVERCOMMIT), Severity.WARNING)
    assert PAUSED in finding.summary
    assert len(finding.remedies) == 1
    assert run("copy_room", thin(OVERCOMMIT, free=3 * 1024 * GIB)) == ()


@pytest.mark.parametrize("given", [OVERCOMMIT, with_options(OVERCOMMIT, copy_disks=("vdb",))])
def test_what_is_used_now_must_fit_in_any_case(given: Facts) -> None:
    finding = only("copy_room", thin(given, allocation=2 * GIB), Severity.BLOCKER)
    assert not any("overcommit" in fix.text for fix in finding.remedies)


def test_with_overcommit_only_what_is_missing_now_must_be_freed() -> None:
    finding = only("copy_room", thin(OVERCOMMIT, allocation=2 * GIB), Severity.BLOCKER)
    assert "at least 1 GiB" in finding.remedies[0].text


def test_what_nobody_measured_is_unknown() -> None:
    only("copy_room", thin(OVERCOMMIT, allocation=0), Severity.UNKNOWN)
    finding = only("copy_room", thin(with_options(OVERCOMMIT, copy_disks=("vdb",)), allocation=0), Severity.BLOCKER)
    assert not any("overcommit" in fix.text for fix in finding.remedies)
    only("copy_room", thin(OVERCOMMIT, allocation=0, format="raw"), Severity.WARNING)


def test_the_new_pool_of_the_same_host_must_have_room() -> None:
    assert run("copy_room", stays()) == ()
    full = stays(target_pools=(shared_pool, local_pool, replace(fast_pool, available=GIB)))
    assert only("copy_room", full, Severity.BLOCKER).summary.startswith("Pool fast on kvm-a has 1 GiB free")
