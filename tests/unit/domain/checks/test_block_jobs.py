from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, UUID, changed, disk, facts, only, run, stays, with_guest


def test_passes_without_block_jobs() -> None:
    assert run("block_jobs", HEALTHY) == ()


def test_a_block_job_blocks() -> None:
    finding = only("block_jobs", facts(guest_block_jobs=("vda",)), Severity.BLOCKER)
    assert finding.affects == "disk vda"
    assert [remedy.command for remedy in finding.remedies] == [
        f"virsh blockjob --info {UUID} vda",
        f"virsh blockjob --abort {UUID} vda",
    ]


def test_a_mirror_in_the_definition_blocks_too_and_once() -> None:
    mirrored = with_guest(disks=(replace(disk, mirrored=True),))
    only("block_jobs", mirrored, Severity.BLOCKER)
    only("block_jobs", changed(mirrored, guest_block_jobs=("vda",)), Severity.BLOCKER)


def test_unknown_when_nobody_looked() -> None:
    only("block_jobs", facts(guest_block_jobs=SILENT), Severity.UNKNOWN)


def test_it_blocks_a_storage_migration_too() -> None:
    only("block_jobs", stays(guest_block_jobs=("vda",)), Severity.BLOCKER)
