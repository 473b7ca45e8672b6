from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import Disk
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import local_disk, only, run, with_guest, with_options


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
