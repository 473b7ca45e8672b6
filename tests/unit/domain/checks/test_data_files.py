from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import disk, only, run, with_guest, with_target

SPLIT = with_guest(disks=(replace(disk, data_files=("/local/web01.data",)),))


def test_passes_without_data_files() -> None:
    assert run("data_files") == ()


def test_blocks_without_the_file_and_is_never_sure_with_it() -> None:
    assert only("data_files", with_target(SPLIT, files={"/local/web01.data": False}), Severity.BLOCKER)
    assert only("data_files", with_target(SPLIT, files={"/local/web01.data": True}), Severity.UNKNOWN)
    assert only("data_files", SPLIT, Severity.UNKNOWN)
