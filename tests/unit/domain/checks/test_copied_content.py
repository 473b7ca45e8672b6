from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.storage import Qcow2, Qcow2Header
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight import images
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    LOCAL,
    SHARED,
    SILENT,
    changed,
    identity,
    local_disk,
    local_volume,
    only,
    run,
    stays,
    with_guest,
    with_options,
    with_source,
    with_target,
)

COPY = with_options(with_guest(disks=(local_disk,)), copy_disks=("vdb",))
FINE = Qcow2(cluster_size=128 * 1024, lazy_refcounts=True, extended_l2=True)
IN_POOL = replace(local_volume, qcow2=FINE)


def with_header(**said: object) -> Facts:
    return with_source(COPY, qcow2_headers={LOCAL: Qcow2Header(made=FINE, **said)})  # type: ignore[arg-type]


def test_what_libvirt_can_make_is_no_finding() -> None:
    assert run("copied_content", with_header()) == ()
    assert images.copied_image(with_header(), local_disk) == FINE


def test_a_disk_that_is_not_copied_keeps_all() -> None:
    assert run("copied_content", with_options(with_header(bitmaps=3), copy_disks=False)) == ()


def test_a_raw_disk_has_nothing_to_lose() -> None:
    raw = replace(local_disk, format="raw")
    given = with_options(with_guest(disks=(raw,)), copy_disks=("vdb",))
    assert run("copied_content", given) == ()
    assert images.copied_image(given, raw) is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"snapshots": 1}, "has 1 internal snapshot; its copy has none."),
        ({"snapshots": 2}, "has 2 internal snapshots; its copy has none."),
        ({"data_file": True}, "keeps its data in a separate file"),
    ],
)
def test_what_the_copy_does_not_have_is_a_warning(said: dict[str, object], words: str) -> None:
    assert words in only("copied_content", with_header(**said), Severity.WARNING).summary


def test_bitmaps_are_migrated() -> None:
    assert run("copied_content", with_header(bitmaps=2)) == ()


@pytest.mark.parametrize("versions", [{"libvirt": 7_002_000}, {"qemu": 5_002_000}, {"libvirt": 0}, {"qemu": 0}])
def test_bitmaps_are_lost_where_either_host_is_not_known_to_migrate_them(versions: dict[str, int]) -> None:
    for given in (
        with_source(with_header(bitmaps=2), identity=identity(**versions)),
        with_target(with_header(bitmaps=2), identity=identity(**versions)),
        with_target(with_header(bitmaps=2), identity=SILENT),
    ):
        finding = only("copied_content", given, Severity.WARNING)
        assert "has 2 bitmaps; only libvirt 7.3 and QEMU 6.0 or newer migrate bitmaps." in finding.summary
    unread = changed(
        with_source(COPY, qcow2_headers=SILENT, identity=identity(**versions)), source_volumes={LOCAL: IN_POOL}
    )
    assert "has bitmaps or internal snapshots, which" in only("copied_content", unread, Severity.INFO).summary


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"refcount_bits": 32}, "has refcounts of 32 bits; its copy has 16."),
        ({"compression": "zstd"}, "uses zstd for compression; its copy uses zlib."),
    ],
)
def test_what_the_vm_never_notices_is_a_note(said: dict[str, object], words: str) -> None:
    assert words in only("copied_content", with_header(**said), Severity.INFO).summary


def test_without_the_header_the_pool_tells_how_the_image_is_made_but_not_what_it_holds() -> None:
    silent = Unknown("kvmweb can ask kvm-a for it only by ssh.", "Register kvm-a by ssh.")
    given = changed(with_source(COPY, qcow2_headers=silent), source_volumes={LOCAL: IN_POOL})
    finding = only("copied_content", given, Severity.INFO)
    assert "cannot tell whether the image of disk vdb has internal snapshots, which are not copied." in finding.summary
    assert [fix.text for fix in finding.remedies] == ["Register kvm-a by ssh."]
    assert images.copied_image(given, local_disk) == FINE


def test_an_image_that_neither_tells_of_is_unknown_and_its_copy_is_not_made_of_an_older_kind() -> None:
    given = changed(with_source(COPY, qcow2_headers={}), source_volumes={LOCAL: None})
    assert "compat 1.1" in only("copied_content", given, Severity.UNKNOWN).summary
    assert images.copied_image(given, local_disk) == Qcow2(compat="1.1")


def test_bitmaps_may_be_lost_within_one_host() -> None:
    image = {SHARED: Qcow2Header(made=Qcow2(), bitmaps=1)}
    finding = only("copied_content", stays(source_qcow2_headers=image), Severity.WARNING)
    assert finding.summary == "The image of disk vda has 1 bitmap; its copy may lack them."
