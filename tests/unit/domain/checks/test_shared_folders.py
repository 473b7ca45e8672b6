from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, identity, only, run, with_guest, with_source

VIRTIOFS = with_guest(filesystems=("virtiofs data",))


def test_passes_without_folders() -> None:
    assert run("shared_folders", HEALTHY) == ()


def test_virtiofs_blocks_up_to_libvirt_10() -> None:
    finding = only("shared_folders", VIRTIOFS, Severity.BLOCKER)
    assert finding.affects == "folder virtiofs data"
    assert finding.evidence["libvirt on kvm-a"] == "9.0.0"


def test_virtiofs_is_a_warning_from_libvirt_11() -> None:
    only("shared_folders", with_source(VIRTIOFS, identity=identity(libvirt=11_003_000)), Severity.WARNING)


def test_9p_is_a_warning() -> None:
    only("shared_folders", with_guest(filesystems=("9p data",)), Severity.WARNING)


def test_unknown_without_the_version() -> None:
    only("shared_folders", with_source(identity=SILENT), Severity.UNKNOWN)
