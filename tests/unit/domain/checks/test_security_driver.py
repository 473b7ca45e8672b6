from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, capabilities, only, run, with_guest, with_target

LABELLED = with_guest(leaves=(("seclabel/@model", "selinux"), ("devices/disk/source/seclabel/@model", "dac")))


def drivers(*names: str) -> object:
    return replace(capabilities, security_models=frozenset(names))


def test_passes_with_the_same_drivers() -> None:
    assert run("security_driver", with_target(LABELLED, capabilities=drivers("selinux", "dac"))) == ()


def test_blocks_without_the_driver() -> None:
    found = only("security_driver", with_target(LABELLED, capabilities=drivers("apparmor", "dac")), Severity.BLOCKER)
    assert "selinux" in found.summary


@pytest.mark.parametrize("said", [SILENT, drivers()])
def test_not_told_is_unknown(said: object) -> None:
    assert only("security_driver", with_target(LABELLED, capabilities=said), Severity.UNKNOWN)


def test_a_vm_without_labels_needs_none() -> None:
    assert (
        run("security_driver", with_target(with_guest(leaves=(("seclabel/@model", "none"),)), capabilities=SILENT))
        == ()
    )
