"""Copies of disks that get another pool, name or format."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hosts.facts.storage import Pool, Qcow2, Qcow2Header
from migrations_app.domain.placement import Placement, Placements
from migrations_app.domain.preflight import images, storage
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    GIB,
    HEALTHY,
    LOCAL,
    local_disk,
    local_pool,
    local_volume,
    only,
    run,
    with_guest,
    with_options,
)

FAST = replace(local_pool, name="fast", target_path="/fast")
NEW = "/fast/data.qcow2"


def copy(*, pools: tuple[Pool, ...] = (local_pool, FAST), files: dict[str, Any] | None = None, **place: str) -> Facts:
    """vdb is copied from the pool local to this place."""
    given = with_options(
        with_guest(disks=(local_disk,)), copy_disks=("vdb",), disks=Placements({"vdb": Placement(**place)})
    )
    return replace(
        given,
        source=replace(given.source, pools=(local_pool,), volumes={LOCAL: local_volume}),
        target=replace(given.target, pools=pools, volumes={}, files=files or {}),
    )


def test_a_free_place_in_another_pool_passes() -> None:
    free = copy(pool="fast", files={NEW: False})
    assert run("copy_place", free) == run("chosen_places", free) == ()
    assert storage.target_path(free, local_disk) == NEW
    pool = storage.copy_pool(free, local_disk)
    assert pool is not None
    assert pool.name == "fast"
    # another name cannot be the disk itself, whatever the storage is
    assert run("copy_place", copy(pool="fast", name="other.raw", format="raw")) == ()


def test_the_same_pool_with_another_name_and_format() -> None:
    free = copy(name="other.raw", format="raw")
    assert run("copy_place", free) == ()
    assert storage.target_path(free, local_disk) == "/local/other.raw"
    assert storage.new_place(free, local_disk).format == "raw"
    assert images.copied_image(free, local_disk) is None


@pytest.mark.parametrize(
    ("check", "pools", "said"),
    [
        ("copy_place", (local_pool,), "kvm-b has no pool named fast"),
        ("copy_place", (replace(FAST, active=False),), "Pool fast on kvm-b is not active"),
        ("chosen_places", (replace(FAST, type="logical"),), "Pool fast on kvm-b has the type logical"),
    ],
)
def test_a_pool_that_cannot_take_it_blocks(check: str, pools: tuple[Pool, ...], said: str) -> None:
    finding = only(check, copy(pools=pools, pool="fast", name="other"), Severity.BLOCKER)
    assert finding.summary.startswith(said)


def test_a_name_in_use_blocks() -> None:
    by_file = only("copy_place", copy(pool="fast", name="x", files={"/fast/x": True}), Severity.BLOCKER)
    assert by_file.summary.startswith("kvm-b already has /fast/x")
    assert "another place" in by_file.remedies[0].text
    volume = replace(local_volume, pool="fast", name="x", path="/fast/x")
    listed = copy(pool="fast", name="x")
    only("copy_place", replace(listed, target=replace(listed.target, volumes={"fast/x": volume})), Severity.BLOCKER)


def test_two_copies_at_one_place_block() -> None:
    other = replace(local_disk, target="vdc", path="/elsewhere/data.qcow2")
    given = copy(pool="fast", files={NEW: False})
    places = Placements({name: Placement(pool="fast") for name in ("vdb", "vdc")})
    given = with_options(with_guest(given, disks=(local_disk, other)), copy_disks=("vdb", "vdc"), disks=places)
    given = replace(given, source=replace(given.source, pools=(local_pool,)))
    assert any("vdb and vdc would have one place: /fast/data.qcow2" in f.summary for f in run("chosen_places", given))


def test_a_place_for_a_disk_that_is_not_copied_blocks() -> None:
    places = Placements({"vda": Placement(pool="fast")})
    finding = only("chosen_places", with_options(HEALTHY, copy_disks=True, disks=places), Severity.BLOCKER)
    assert finding.summary == "A place was chosen for the copy of disk vda, which is not copied."
    places = Placements({"vdz": Placement(pool="fast")})
    finding = only("chosen_places", with_options(HEALTHY, copy_disks=True, disks=places), Severity.BLOCKER)
    assert finding.summary == "A place was chosen for the copy of disk vdz, which is no disk of web01."


def test_the_chosen_pool_needs_the_room() -> None:
    small = replace(FAST, available=GIB)
    assert only("copy_room", copy(pools=(local_pool, small), pool="fast"), Severity.BLOCKER).affects == "pool fast"
    assert run("copy_room", copy(pools=(replace(local_pool, available=0), FAST), pool="fast")) == ()


def test_a_raw_copy_has_no_bitmaps() -> None:
    header = Qcow2Header(made=Qcow2(), bitmaps=1, snapshots=0)
    given = copy(pool="fast", format="raw")
    given = replace(given, source=replace(given.source, qcow2_headers={LOCAL: header}))
    assert "a raw copy cannot have" in only("copied_images", given, Severity.BLOCKER).summary


def test_a_qcow2_copy_of_a_raw_disk_is_made_as_qemu_makes_images() -> None:
    raw = replace(local_disk, format="raw")
    given = with_guest(copy(format="qcow2"), disks=(raw,))
    assert images.copied_image(given, raw) == Qcow2()
