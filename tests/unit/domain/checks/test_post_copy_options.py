from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, identity, only, run, with_options, with_source, with_target

CHECK = "post_copy_options"
NEW = identity(libvirt=11_005_000, qemu=10_001_000)
BOTH_NEW = with_source(with_target(identity=NEW), identity=NEW)


def paused(facts: Facts) -> Facts:
    look = GuestLook(answered=True, present=True, state=RunState.PAUSED, reason="user", persistent=True)
    return replace(facts, guest=replace(facts.guest, look=look))


def test_passes_alone_and_when_nobody_wants_it() -> None:
    assert run(CHECK, with_options(HEALTHY, post_copy=True, bandwidth_mib=5)) == ()
    assert run(CHECK, with_options(HEALTHY, parallel_connections=2)) == ()
    assert run(CHECK, paused(HEALTHY)) == ()


def test_passes_with_parallel_connections_of_qemu_10_1() -> None:
    assert run(CHECK, with_options(BOTH_NEW, post_copy=True, parallel_connections=2)) == ()


def test_parallel_connections_of_an_older_qemu() -> None:
    for given in (HEALTHY, with_target(BOTH_NEW, identity=identity(qemu=10_000_000))):
        found = only(CHECK, with_options(given, post_copy=True, parallel_connections=2), Severity.BLOCKER)
        assert "QEMU 10.1" in found.summary


def test_xbzrle_by_both_of_its_names() -> None:
    for given in ({"compressed": True}, {"compression": "xbzrle"}):
        only(CHECK, with_options(HEALTHY, post_copy=True, **given), Severity.BLOCKER)


def test_a_paused_vm() -> None:
    only(CHECK, with_options(paused(HEALTHY), post_copy=True), Severity.BLOCKER)
    only(CHECK, replace(paused(HEALTHY), policy_post_copy=True), Severity.WARNING)


def test_unknown_when_a_host_does_not_tell_its_qemu() -> None:
    given = with_options(with_target(identity=identity(qemu=0)), post_copy=True, parallel_connections=2)
    only(CHECK, given, Severity.UNKNOWN)
