from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import GuestDefinition
from hosts.facts.storage import FileContent, Mount
from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import Kind
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.facts.saved import SavedFacts
from tests.unit.domain.factories import (
    GIB,
    HEALTHY,
    SHARED,
    SILENT,
    UUID,
    changed,
    disk,
    local_volume,
    only,
    run,
    with_guest,
)

ISO = "/local/install.iso"
CD = replace(disk, target="sda", device="cdrom", path=ISO, format="raw", readonly=True)
SAME, OTHER, LARGER = (FileContent(size=GIB, digest="a" * 64), FileContent(size=GIB, digest="b" * 64),
                       FileContent(size=2 * GIB, digest="a" * 64))  # fmt: skip
FILE = replace(local_volume, path=ISO, format="iso", capacity=GIB)
BY_SSH = Unknown("kvmweb can ask kvm-b for the content of a file only by ssh.", "Register kvm-b by ssh.")


def with_cd(here: FileContent | Unknown, there: FileContent | Unknown, **changes: object) -> Facts:
    given = changed(
        HEALTHY,
        source_volumes={ISO: FILE},
        target_volumes={ISO: FILE},
        source_media={ISO: here},
        target_media={ISO: there},
    )
    return changed(with_guest(given, disks=(CD,)), **changes)


def test_passes_with_the_same_content() -> None:
    assert run("media_content", with_cd(SAME, SAME)) == ()


def test_an_empty_drive_a_drive_of_the_host_and_a_hard_disk_have_no_medium_to_compare() -> None:
    for each in (replace(CD, path=""), replace(CD, type="block"), replace(CD, device="disk"), disk):
        assert run("media_content", with_guest(with_cd(SAME, OTHER), disks=(each,))) == ()


def test_an_image_on_shared_storage_is_one() -> None:
    nas = Mount(kind="nfs4", source="nas:/iso", below=".")
    mounted = {"source_mounts": {"/local": nas}, "target_mounts": {"/local": nas}}
    assert run("media_content", with_cd(BY_SSH, BY_SSH, **mounted)) == ()
    assert run("media_content", with_guest(disks=(replace(CD, path=SHARED),))) == ()


def test_an_image_that_is_missing_is_told_by_another_check() -> None:
    given = with_cd(SAME, BY_SSH, target_volumes={ISO: None}, target_files={ISO: False})
    assert run("media_content", given) == ()
    only("disks_reachable", given, Severity.BLOCKER)


@pytest.mark.parametrize("device", ["cdrom", "floppy"])
def test_other_content_of_the_same_size_blocks_until_it_is_ejected(device: str) -> None:
    given = with_guest(with_cd(SAME, OTHER), disks=(replace(CD, device=device),))
    finding = only("media_content", given, Severity.BLOCKER)
    assert "has other content on kvm-b, in an image of the same size. If the VM uses it, it reads" in finding.summary
    by_kvmweb, eject, copy = finding.remedies
    assert by_kvmweb.option == "eject"
    assert (eject.command, eject.on) == (f"virsh change-media --eject --live {UUID} sda", "kvm-a")
    assert "put the same image there" in copy.text


def test_with_the_option_kvmweb_ejects_what_is_not_the_same_there() -> None:
    for given, text in (
        (with_cd(SAME, OTHER), "kvm-b has another image there: drive sda stays empty."),
        (with_cd(SAME, BY_SSH, target_volumes={ISO: None}, target_files={ISO: False}), "Put it at the same path on"),
    ):
        asked = ejecting(given)
        assert run("media_content", asked) == ()
        assert [one for one in run("disks_reachable", asked) if one.affects == "disk sda"] == []
        finding = only("removable_media", asked, Severity.WARNING)
        assert finding.summary == f"kvmweb ejects {ISO} from drive sda of web01: kvm-b is not seen to have it."
        assert finding.remedies[0].text.startswith(text)


def test_the_saved_definition_still_has_what_is_ejected() -> None:
    missing = ejecting(with_cd(SAME, BY_SSH, target_volumes={ISO: None}, target_files={ISO: False}))
    domcaps, definition = missing.target.domcaps, missing.guest.definition
    assert isinstance(definition, GuestDefinition)
    saved = SavedFacts(definition=definition, domcaps=domcaps, cpu=missing.target.cpu)
    (finding,) = [one for one in run("saved_definition", replace(missing, saved=saved)) if one.affects == "disk sda"]
    assert finding.severity is Severity.WARNING
    assert "will not start on kvm-b with its saved definition: Disk sda of web01" in finding.summary
    assert any("--eject --config" in fix.command for fix in finding.remedies)
    assert not any(fix.option for fix in finding.remedies)


def test_with_the_option_a_cd_that_is_the_same_stays_in() -> None:
    for given in (with_cd(SAME, SAME), with_guest(disks=(replace(CD, path=SHARED),))):
        assert storage.ejected(ejecting(given)) == ()


def test_nothing_is_ejected_for_a_vm_that_is_off() -> None:
    given = with_cd(SAME, OTHER)
    off = replace(given, request=replace(given.request, kind=Kind.OFFLINE))
    assert storage.ejected(ejecting(off)) == ()
    assert storage.ejected(replace(ejecting(given), starts=True)) == ()


def ejecting(given: Facts) -> Facts:
    return replace(given, request=replace(given.request, options=given.request.options.changed(eject=True)))


def test_another_size_is_another_cd_and_ejected_too() -> None:
    finding = only("media_content", with_cd(SAME, LARGER), Severity.BLOCKER)
    assert "is 1 GiB on kvm-a and 2 GiB on kvm-b: it is another one" in finding.summary
    assert "--eject" in finding.remedies[1].command
    assert run("disk_sizes", with_cd(SAME, LARGER)) == ()


def test_pools_tell_another_size_where_nobody_reads_the_content() -> None:
    given = with_cd(BY_SSH, BY_SSH, target_volumes={ISO: replace(FILE, capacity=2 * GIB)})
    assert "1 GiB on kvm-a and 2 GiB on kvm-b" in only("media_content", given, Severity.BLOCKER).summary
    assert run("disk_sizes", given) == ()


@pytest.mark.parametrize(("here", "there"), [(BY_SSH, BY_SSH), (SAME, BY_SSH), (BY_SSH, SAME)])
def test_what_was_not_compared_is_unknown(here: FileContent | Unknown, there: FileContent | Unknown) -> None:
    finding = only("media_content", with_cd(here, there), Severity.UNKNOWN)
    assert finding.remedies[0].text == "Register kvm-b by ssh."
    assert "--eject" in finding.remedies[-1].command


def test_unknown_when_a_host_is_silent() -> None:
    only("media_content", with_cd(SAME, SAME, target_media=SILENT), Severity.UNKNOWN)
    only("media_content", with_cd(SAME, SAME, target_volumes=SILENT), Severity.UNKNOWN)
