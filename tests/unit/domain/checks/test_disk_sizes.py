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
    only,
    run,
    volume,
    with_guest,
    with_options,
)


def test_passes_when_sizes_are_equal() -> None:
    assert run("disk_sizes", HEALTHY) == ()


def test_passes_when_the_disk_is_copied() -> None:
    given = facts(target_volumes={SHARED: replace(volume, capacity=GIB)})
    assert run("disk_sizes", with_options(given, copy_disks=("vda",))) == ()


def test_another_size_blocks() -> None:
    given = facts(target_volumes={SHARED: replace(volume, capacity=5 * GIB)})
    finding = only("disk_sizes", given, Severity.BLOCKER)
    assert finding.evidence == {"path": SHARED, "kvm-a": "4 GiB", "kvm-b": "5 GiB"}
    assert "This may be the VM's own disk. Do not delete it." in finding.summary


def test_a_volume_that_could_not_be_read_is_unknown_and_hides_no_other() -> None:
    both = with_guest(
        facts(
            source_volumes={SHARED: SILENT, LOCAL: volume},
            target_volumes={SHARED: volume, LOCAL: replace(volume, capacity=1)},
        ),
        disks=(disk, local_disk),
    )
    assert [finding.severity for finding in run("disk_sizes", both)] == [Severity.BLOCKER, Severity.UNKNOWN]


def test_unknown_when_the_source_is_silent() -> None:
    only("disk_sizes", facts(source_volumes=SILENT), Severity.UNKNOWN)
