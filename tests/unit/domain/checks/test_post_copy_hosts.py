from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, SILENT, identity, only, run, with_options, with_source, with_target

CHECK = "post_copy_hosts"


def wanted(facts: Facts = HEALTHY) -> Facts:
    return with_options(facts, post_copy=True)


def test_passes_when_nobody_wants_it() -> None:
    assert run(CHECK, HEALTHY) == ()
    assert run(CHECK, with_target(identity=identity(libvirt=8_000_000))) == ()
    assert run(CHECK, with_target(identity=SILENT)) == ()


@pytest.mark.parametrize("libvirt", [8_005_000, 9_000_000, 11_001_000, 11_004_000, 12_000_000])
def test_passes_with_versions_that_resume(libvirt: int) -> None:
    assert run(CHECK, wanted(with_target(identity=identity(libvirt=libvirt)))) == ()


@pytest.mark.parametrize("libvirt", [11_002_000, 11_003_000])
def test_a_destination_that_crashes_when_it_resumes(libvirt: int) -> None:
    found = only(CHECK, wanted(with_target(identity=identity(libvirt=libvirt))), Severity.BLOCKER)
    assert "crashes" in found.summary
    assert "11.4" in found.remedies[0].text


def test_such_a_source_does_not_matter() -> None:
    assert run(CHECK, wanted(with_source(identity=identity(libvirt=11_003_000)))) == ()


@pytest.mark.parametrize("with_", [with_source, with_target])
def test_either_side_older_than_8_5(with_: object) -> None:
    given = with_(identity=identity(libvirt=8_004_000))  # type: ignore[operator]
    found = only(CHECK, wanted(given), Severity.BLOCKER)
    assert "8.5" in found.summary


def test_a_policy_goes_without_it() -> None:
    given = replace(with_target(identity=identity(libvirt=11_003_000)), policy_post_copy=True)
    found = only(CHECK, given, Severity.WARNING)
    assert found.summary.endswith("So the policy gives up where it would switch to post-copy.")


def test_unknown_when_a_host_does_not_tell() -> None:
    only(CHECK, wanted(with_target(identity=SILENT)), Severity.UNKNOWN)
    only(CHECK, wanted(with_source(identity=identity(libvirt=0))), Severity.UNKNOWN)
