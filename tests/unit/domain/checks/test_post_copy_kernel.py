from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, SILENT, capabilities, identity, only, run, with_options, with_target

CHECK = "post_copy_kernel"
ROOT, LIBVIRT_QEMU = 0, 64055
UNTOLD = Unknown("kvm-b is reached by plain TCP.")


def wanted(uid: int | None = LIBVIRT_QEMU, allowed: Any = True, qemu: int = 7_002_000) -> Facts:
    able = replace(capabilities, qemu_uid=uid)
    return with_options(
        with_target(capabilities=able, userfaultfd=allowed, identity=identity(qemu=qemu)), post_copy=True
    )


def test_passes_when_nobody_wants_it() -> None:
    assert run(CHECK, HEALTHY) == ()
    assert run(CHECK, with_target(capabilities=SILENT)) == ()


@pytest.mark.parametrize("allowed", [True, False, UNTOLD])
def test_passes_as_root_whatever_the_kernel_says(allowed: Any) -> None:
    assert run(CHECK, wanted(ROOT, allowed)) == ()


@pytest.mark.parametrize("uid", [LIBVIRT_QEMU, None])
def test_passes_where_the_kernel_lets_everybody(uid: int | None) -> None:
    assert run(CHECK, wanted(uid)) == ()


def test_a_kernel_that_does_not_let_it() -> None:
    found = only(CHECK, wanted(allowed=False), Severity.BLOCKER)
    assert "vm.unprivileged_userfaultfd is 0" in found.summary
    assert found.remedies[0].command == "sysctl -w vm.unprivileged_userfaultfd=1"


@pytest.mark.parametrize(("uid", "qemu"), [(LIBVIRT_QEMU, 10_000_000), (None, 7_002_000)])
def test_it_may_have_another_way(uid: int | None, qemu: int) -> None:
    only(CHECK, wanted(uid, False, qemu), Severity.UNKNOWN)


def test_unknown_where_it_cannot_be_read() -> None:
    found = only(CHECK, wanted(allowed=UNTOLD), Severity.UNKNOWN)
    assert "kvmweb cannot tell" in found.summary
    only(CHECK, with_options(with_target(capabilities=SILENT), post_copy=True), Severity.UNKNOWN)


def test_a_policy_goes_without_it() -> None:
    given = replace(wanted(allowed=False), policy_post_copy=True)
    given = replace(given, request=HEALTHY.request)
    found = only(CHECK, given, Severity.WARNING)
    assert found.summary.endswith("So the policy gives up where it would switch to post-copy.")
