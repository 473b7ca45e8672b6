from __future__ import annotations

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import only, run, with_guest

NUMBER = ("devices/vsock/cid/@address", "3")


def test_libvirt_may_choose_another_one() -> None:
    assert run("vsock_number", with_guest(leaves=(NUMBER, ("devices/vsock/cid/@auto", "yes")))) == ()
    assert run("vsock_number") == ()


def test_a_fixed_one_is_unknown() -> None:
    assert only("vsock_number", with_guest(leaves=(NUMBER, ("devices/vsock/cid/@auto", "no"))), Severity.UNKNOWN)
