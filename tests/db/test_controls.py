"""What a user changes while a migration runs: told to libvirt, read back, in the journal, and put back at the source."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from hosts.calls.steer import LimitBandwidth, LimitCache, LimitDowntime
from hosts.facts.guest import JobLimits, JobStats
from hosts.gateway.port import HostUnreachable, Refused
from migrations_app import ledger
from migrations_app.domain import setting
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import OrderState
from migrations_app.models import Migration, Order
from migrations_app.usecases.errors import NotOffered, RequestRefused
from migrations_app.usecases.give_order import cancel_migration, order_by_name
from migrations_app.words.controls import controls
from migrations_app.worker.watch import limits, steering
from tests.db.moving import Scene, eventually, fresh, in_state, said
from tests.fakes.gateway import FakeConnection
from tests.fakes.guests import FakeGuest, job

pytestmark = pytest.mark.dual


class Killed(BaseException):
    """The worker's process ends here."""


class Running:
    """A migration that copies until it is told to go on."""

    def __init__(self, scene: Scene, *, jobs: Sequence[JobStats] | None = None, **options: Any) -> None:
        self.scene = scene
        self.guest: FakeGuest = scene.add_guest()
        self.move = scene.script(self.guest, **({"jobs": jobs} if jobs else {}))
        self.move.go_on.clear()
        self.row: Migration = scene.request(self.guest, **options)
        self.worker: threading.Thread = scene.in_background(self._run, self.row)
        eventually(in_state(self.row, State.COPYING_MEMORY))

    def _run(self, row: Migration) -> Migration:
        try:
            return self.scene.run(row)
        except Killed:
            return row

    def end(self) -> Migration:
        self.move.go_on.set()
        self.worker.join(10)
        return fresh(self.row)

    def set_to(self) -> list[Any]:
        return [call.arguments[1] for call in self.scene.fleet.calls if call.method == "set_limit"]


@pytest.fixture
def running(scene: Scene) -> Running:
    return Running(scene)


def applied(order: Order) -> bool:
    order.refresh_from_db()
    return order.state == OrderState.APPLIED


@pytest.mark.parametrize(
    ("what", "value", "told", "words"),
    [
        ("bandwidth_mib", 8, LimitBandwidth(8), "libvirt reports this bandwidth limit: 8 MiB/s."),
        ("bandwidth_mib", 0, LimitBandwidth(0), "libvirt reports this bandwidth limit: no limit."),
        ("max_downtime_ms", 1500, LimitDowntime(1500), "libvirt reports this allowed downtime: 1,500 ms."),
    ],
)
def test_it_is_told_and_read_back(
    what: str, value: int, told: Any, words: str, running: Running, operator: Any
) -> None:
    order = order_by_name(running.row, what, by=operator, value=value, reason="too slow")
    eventually(lambda: applied(order))
    assert (order.requested, order.read_back, order.text) == (value, value, words)
    assert order.asked_at <= order.taken_at <= order.done_at  # type: ignore[operator]
    assert running.set_to() == [told]
    assert fresh(running.row).controls[what] == value
    journal = said(running.row)
    assert ("olga asked for this" in journal, words in journal) == (True, True)
    assert running.end().state == State.DONE


def test_what_libvirt_reports_counts_and_not_what_was_asked(
    running: Running, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeConnection, "limits", lambda *_: JobLimits(bandwidth_mib=5))
    order = order_by_name(running.row, "bandwidth_mib", by=operator, value=8)
    eventually(lambda: applied(order))
    assert (order.requested, order.read_back) == (8, 5)
    running.end()


def test_the_cache_only_with_its_compression(scene: Scene, operator: Any) -> None:
    running = Running(scene, compression="xbzrle")
    order = order_by_name(running.row, "xbzrle_cache_mib", by=operator, value=128)
    eventually(lambda: applied(order))
    assert running.set_to() == [LimitCache(128)]
    running.end()


def test_without_compression_there_is_no_cache(running: Running, operator: Any) -> None:
    with pytest.raises(NotOffered, match="compression XBZRLE"):
        order_by_name(running.row, "xbzrle_cache_mib", by=operator, value=128)
    running.end()


def test_what_libvirt_refuses_is_refused_with_its_words(
    running: Running, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting, "AGAIN_SECONDS", 0.0)
    running.scene.fleet["kvm-a"].fail("set_limit", Refused("bandwidth must be less than 8", code=8), times=100)
    order = order_by_name(running.row, "bandwidth_mib", by=operator, value=8)
    eventually(lambda: Order.objects.get(pk=order.pk).state == OrderState.REFUSED)
    order.refresh_from_db()
    assert order.text == "libvirt refused: bandwidth must be less than 8"
    assert (order.requested, order.read_back) == (8, None)
    assert running.end().state == State.DONE


def test_a_host_that_does_not_answer_is_no_refusal(
    running: Running, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting, "AGAIN_SECONDS", 0.0)
    running.scene.fleet["kvm-a"].fail("set_limit", HostUnreachable("gone for a moment"), times=3)
    order = order_by_name(running.row, "bandwidth_mib", by=operator, value=8)
    eventually(lambda: applied(order))
    running.end()


def test_two_users_at_once_are_both_in_the_journal_and_the_last_one_counts(
    running: Running, operator: Any, admin: Any
) -> None:
    first = order_by_name(running.row, "bandwidth_mib", by=operator, value=8)
    last = order_by_name(running.row, "bandwidth_mib", by=admin, value=16)
    eventually(lambda: applied(first) and applied(last))
    assert running.guest.limits.bandwidth_mib == 16
    journal = said(running.row)
    assert "olga asked for this bandwidth limit: 8 MiB/s." in journal
    assert f"{admin.username} asked for this bandwidth limit: 16 MiB/s." in journal
    running.end()


def test_a_repeated_key_is_the_same_order(running: Running, operator: Any) -> None:
    order = order_by_name(running.row, "bandwidth_mib", by=operator, value=8, idempotency_key="k")
    assert order_by_name(running.row, "bandwidth_mib", by=operator, value=8, idempotency_key="k") == order
    with pytest.raises(RequestRefused, match="another order"):
        order_by_name(running.row, "bandwidth_mib", by=operator, value=9, idempotency_key="k")
    running.end()
    assert order_by_name(running.row, "bandwidth_mib", by=operator, value=8, idempotency_key="k") == order


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("bandwidth_mib", -1),
        ("bandwidth_mib", None),
        ("bandwidth_mib", True),
        ("max_downtime_ms", 0),
        ("max_downtime_ms", 2_000_001),
        ("xbzrle_cache_mib", 100),
        ("finish", 5),
        ("cancel", 1),
        ("look", None),
        ("destroy", None),
    ],
)
def test_a_wrong_value_is_refused_at_once(what: str, value: Any, scene: Scene, operator: Any) -> None:
    row = scene.request(scene.add_guest())
    with pytest.raises(RequestRefused):
        order_by_name(row, what, by=operator, value=value)
    assert not row.orders.exists()


def test_before_libvirt_copies_and_after_the_end_it_is_not_offered(scene: Scene, operator: Any) -> None:
    row = scene.request(scene.add_guest())
    with pytest.raises(NotOffered, match="has not begun to copy"):
        order_by_name(row, "bandwidth_mib", by=operator, value=8)
    assert scene.run(row).state == State.DONE
    for what, value in (("bandwidth_mib", 8), ("max_downtime_ms", 900), ("finish", None), ("cancel", None)):
        with pytest.raises(NotOffered, match="has ended"):
            order_by_name(row, what, by=operator, value=value)


def test_a_migration_that_ends_first_refuses_the_order(running: Running, operator: Any) -> None:
    running.scene.fleet["kvm-a"].fail("set_limit", HostUnreachable("gone"), times=100_000)
    order = order_by_name(running.row, "max_downtime_ms", by=operator, value=900)
    eventually(lambda: Order.objects.get(pk=order.pk).requested is not None)
    assert running.end().state == State.DONE
    order.refresh_from_db()
    assert (order.state, order.text) == ("refused", "The migration ended before libvirt had taken it.")


def test_a_cancelled_migration_puts_the_old_bandwidth_back(running: Running, operator: Any) -> None:
    running.guest.limits = replace(running.guest.limits, bandwidth_mib=77)
    for value in (8, 16):
        order = order_by_name(running.row, "bandwidth_mib", by=operator, value=value)
        eventually(lambda order=order: applied(order))
    cancel_migration(running.row, by=operator)
    running.worker.join(10)
    assert fresh(running.row).state == State.CANCELLED
    assert running.set_to() == [LimitBandwidth(8), LimitBandwidth(16), LimitBandwidth(77)]
    assert running.guest.limits.bandwidth_mib == 77


def test_the_bandwidth_of_the_call_is_put_back_too(scene: Scene, operator: Any) -> None:
    """libvirt keeps it for the VM's next migrations."""
    running = Running(scene, bandwidth_mib=4)
    running.guest.limits = replace(running.guest.limits, bandwidth_mib=4)  # as libvirt does with the call
    cancel_migration(running.row, by=operator)
    running.worker.join(10)
    assert (fresh(running.row).state, running.set_to()) == (State.CANCELLED, [LimitBandwidth(0)])


def test_a_bandwidth_that_could_not_be_put_back_is_said(scene: Scene, operator: Any) -> None:
    running = Running(scene, bandwidth_mib=4)
    running.guest.limits = replace(running.guest.limits, bandwidth_mib=4)
    scene.fleet["kvm-a"].fail("set_limit", Refused("busy", code=68), times=100)
    cancel_migration(running.row, by=operator)
    running.worker.join(10)
    end = fresh(running.row)
    assert end.state == State.CANCELLED
    assert f"On kvm-a run: virsh migrate-setspeed {running.row.guest_id} 8796093022207" in end.error["what_to_do"]


def test_nothing_is_set_before_what_it_was_is_known(running: Running, operator: Any) -> None:
    running.scene.fleet["kvm-a"].fail("limits", Refused("busy", code=68), times=2)
    order = order_by_name(running.row, "bandwidth_mib", by=operator, value=8)
    eventually(lambda: applied(order))
    assert fresh(running.row).limits_before == {"bandwidth_mib": 0}
    running.end()


@pytest.mark.parametrize("where", ["remember", "order_told", "set_limit", "answer_order"])
def test_an_adopter_finishes_an_order_that_was_taken(
    where: str, running: Running, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is killed between `taken` and `applied`, at each step. What it was before is known all the same."""
    running.guest.limits = replace(running.guest.limits, bandwidth_mib=77)
    place = {"remember": limits.Limits, "set_limit": steering}.get(where, ledger)
    name = {"set_limit": "steer"}.get(where, where)

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(place, name, killed)
        order = order_by_name(running.row, "bandwidth_mib", by=operator, value=8)
        running.worker.join(10)
    order.refresh_from_db()
    assert order.state == "taken"
    Migration.objects.filter(pk=running.row.pk).update(owner="")
    adopter = running.scene.in_background(running.scene.adopt, running.row)
    eventually(lambda: applied(order))
    cancel_migration(running.row, by=operator)
    adopter.join(10)
    assert (fresh(running.row).state, running.guest.limits.bandwidth_mib) == (State.CANCELLED, 77)


def test_finish_allows_the_pause_that_the_rest_takes(scene: Scene, operator: Any) -> None:
    running = Running(scene, jobs=[job(1000)])
    eventually(lambda: bool(fresh(running.row).progress.get("rate_bps")))
    now = fresh(running.row).progress
    order = order_by_name(running.row, "finish", by=operator)
    eventually(lambda: applied(order))
    needed = now["remaining_bytes"] * 1000 // now["rate_bps"]
    assert order.requested is not None
    assert order.requested >= needed
    assert running.set_to() == [LimitDowntime(order.requested)]
    assert "olga asked to finish the migration now" in said(running.row)
    assert running.end().state == State.DONE


def test_a_vm_that_stays_on_its_host_sends_nothing(scene: Scene) -> None:
    row = Migration(
        guest_name="web-01", kind="storage", state=State.COPYING_DISKS, options={}, target=scene.hosts["kvm-a"]
    )
    refused = {control.what: control.why for control in controls(row)}
    assert refused.pop("cancel") == ""
    assert all(refused.values()), refused


def test_a_paused_vm_has_no_downtime_to_allow(scene: Scene, operator: Any) -> None:
    running = Running(scene, kind="suspended")
    for what, value in (("max_downtime_ms", 900), ("finish", None)):
        with pytest.raises(NotOffered, match="is paused while its memory is copied"):
            order_by_name(running.row, what, by=operator, value=value)
    order = order_by_name(running.row, "bandwidth_mib", by=operator, value=8)
    eventually(lambda: applied(order))
    running.end()
