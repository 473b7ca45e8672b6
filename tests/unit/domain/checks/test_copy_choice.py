from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import Disk
from migrations_app.domain.placement import Placement, Placements
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    HEALTHY,
    SILENT,
    changed,
    disk,
    facts,
    local_disk,
    local_volume,
    only,
    run,
    with_guest,
    with_options,
)


def test_passes_when_nothing_is_copied() -> None:
    assert run("copy_choice", HEALTHY) == ()


@pytest.mark.parametrize("wanted", [True, ("vdb",)])
def test_passes_for_a_local_file(wanted: bool | tuple[str, ...]) -> None:
    assert run("copy_choice", with_options(with_guest(disks=(disk, local_disk)), copy_disks=wanted)) == ()


def test_says_when_all_chose_nothing() -> None:
    finding = only("copy_choice", with_options(copy_disks=True), Severity.INFO)
    assert "No disk of web01 has to be copied" in finding.summary


def test_a_disk_that_does_not_exist_blocks() -> None:
    finding = only("copy_choice", with_options(copy_disks=("vdz",)), Severity.BLOCKER)
    assert finding.summary == "Disk vdz of web01 does not exist."


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (replace(local_disk, readonly=True), "read-only"),
        (replace(local_disk, type="", path=""), "empty"),
        (
            replace(local_disk, type="block", path="/dev/vg/data"),
            "is a block device; its copy is a file. Choose a pool",
        ),
        (replace(local_disk, type="block", device="lun", path="/dev/sdx"), "passed through (lun)"),
        (replace(local_disk, type="nvme", path=""), "(type nvme)"),
        (replace(local_disk, format="vmdk"), "the format vmdk"),
    ],
)
def test_a_disk_that_cannot_be_copied_blocks(bad: Disk, words: str) -> None:
    given = with_options(with_guest(disks=(disk, bad)), copy_disks=("vdb",))
    assert words in only("copy_choice", given, Severity.BLOCKER).summary


BY_POOL = replace(local_disk, type="volume", path="", pool="local", volume="data.qcow2")
COPY_BY_POOL = with_options(with_guest(disks=(BY_POOL,)), copy_disks=("vdb",))


def test_a_disk_given_by_pool_and_volume_is_copied_when_it_is_a_file() -> None:
    assert run("copy_choice", changed(COPY_BY_POOL, source_volumes={"local/data.qcow2": local_volume})) == ()
    block = replace(local_volume, type="block")
    given = changed(COPY_BY_POOL, source_volumes={"local/data.qcow2": block})
    assert "is a block device" in only("copy_choice", given, Severity.BLOCKER).summary
    only("copy_choice", changed(COPY_BY_POOL, source_volumes={}), Severity.UNKNOWN)


def test_a_block_device_is_copied_into_a_pool_that_was_chosen() -> None:
    device = replace(local_disk, type="block", path="/dev/vg/data", format="raw")
    given = with_guest(disks=(disk, device))
    pool, name = (Placements({"vdb": Placement(**place)}) for place in ({"pool": "local"}, {"name": "data.raw"}))
    assert run("copy_choice", with_options(given, copy_disks=("vdb",), disks=pool)) == ()
    assert run("copy_place", with_options(given, copy_disks=("vdb",), disks=pool)) == ()
    only("copy_choice", with_options(given, copy_disks=("vdb",), disks=name), Severity.BLOCKER)


def test_unknown_without_volumes() -> None:
    only("copy_choice", with_options(facts(source_volumes=SILENT), copy_disks=True), Severity.UNKNOWN)
