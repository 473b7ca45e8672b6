from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import Disk
from hosts.facts.storage import Qcow2, Qcow2Header
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    LOCAL,
    disk,
    identity,
    local_disk,
    only,
    run,
    stays,
    with_guest,
    with_options,
    with_source,
    with_target,
)

COPY = with_options(with_guest(disks=(local_disk,)), copy_disks=("vdb",))
SPECIAL = Qcow2(cluster_size=128 * 1024, extended_l2=True)


@pytest.mark.parametrize(
    "special",
    [
        replace(local_disk, encrypted=True),
        replace(local_disk, format="luks"),
        replace(local_disk, data_files=("/local/d",)),
        replace(local_disk, sliced=True),
    ],
)
def test_only_a_plain_image_is_copied(special: Disk) -> None:
    given = with_guest(disks=(special,))
    assert run("copied_images", given) == ()
    assert only("copied_images", with_options(given, copy_disks=("vdb",)), Severity.BLOCKER)


def test_a_plain_one_passes() -> None:
    assert run("copied_images", with_options(with_guest(disks=(local_disk,)), copy_disks=("vdb",))) == ()


@pytest.mark.parametrize(
    ("versions", "made", "what"),
    [
        ({"libvirt": 7_003_000}, Qcow2(cluster_size=2 * 1024**2), "with clusters of 2 MiB"),
        ({"libvirt": 7_010_000}, SPECIAL, "with extended L2 entries"),
        ({"qemu": 5_001_000}, SPECIAL, "with extended L2 entries"),
        ({"libvirt": 7_003_000}, Qcow2(lazy_refcounts=True), ""),
        ({"libvirt": 7_004_000}, Qcow2(cluster_size=2 * 1024**2), ""),
        ({"libvirt": 0, "qemu": 0}, SPECIAL, ""),
        ({"libvirt": 8_000_000, "qemu": 5_002_000}, SPECIAL, ""),
    ],
)
def test_a_destination_that_is_too_old_to_make_it_blocks(versions: dict[str, int], made: Qcow2, what: str) -> None:
    given = with_source(COPY, qcow2_headers={LOCAL: Qcow2Header(made=made)})
    given = with_target(given, identity=identity(**versions))
    if what:
        assert what in only("copied_images", given, Severity.BLOCKER).summary
    else:
        assert run("copied_images", given) == ()


def test_an_encrypted_disk_stays_where_it_is() -> None:
    finding = only("copied_images", with_guest(stays(), disks=(replace(disk, encrypted=True),)), Severity.BLOCKER)
    assert finding.remedies[0].text == "Leave disk vda where it is."
