"""A person asks, and cancels what has not begun: what is written, what is refused, who may."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from hosts.models import Sighting
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.domain.lifecycle import TERMINAL, State
from migrations_app.domain.options import Options
from migrations_app.domain.request import BadRequest, Kind, MigrationRequest, make_request
from migrations_app.models import Migration
from migrations_app.usecases.ask_preflight import ask_preflight
from migrations_app.usecases.errors import AlreadyMoving, KeyReused, RequestRefused, TooLate
from migrations_app.usecases.give_order import cancel_migration
from migrations_app.usecases.request_migration import request_migration
from tests.db.moving import Scene, fresh, states
from tests.fakes.guests import FakeGuest, new_guest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


def _request(scene: Scene, guest: FakeGuest, to: str = "kvm-b", **options: Any) -> MigrationRequest:
    return make_request(guest=guest.definition.uuid, target=scene.hosts[to].pk, kind=Kind.LIVE, options=options)


def _queued() -> list[str]:
    return [row.task["func"] for row in OrmQ.objects.order_by("id")]


def test_a_request_is_a_row_an_entry_with_name_and_reason_and_a_task(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    migration = request_migration(by=operator, request=_request(scene, guest), reason="new disks")[0]
    assert (migration.state, migration.source.name, migration.target.name) == ("requested", "kvm-a", "kvm-b")
    entry = Entry.objects.get(topic=f"migration:{migration.pk}")
    assert (entry.actor, entry.reason, entry.kind) == (operator, "new disks", EntryKind.ACTION)
    assert entry.text == "olga requested the migration of web-01 from kvm-a to kvm-b."
    assert Entry.objects.filter(topic="migrations", kind=EntryKind.SIGNAL).count() == 1
    assert _queued() == ["migrations_app.tasks.run_migration"]
    assert scene.fleet.calls == []


def test_a_request_that_is_rolled_back_leaves_no_task(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    with transaction.atomic():
        request_migration(by=operator, request=_request(scene, guest))
        transaction.set_rollback(True)
    assert (_queued(), Migration.objects.count(), Entry.objects.count()) == ([], 0, 0)


@pytest.mark.parametrize("person", ["viewer", "stranger"])
def test_moving_needs_the_operator_role(scene: Scene, request: pytest.FixtureRequest, person: str) -> None:
    guest, by = scene.add_guest(), request.getfixturevalue(person)
    with pytest.raises(PermissionDenied):
        request_migration(by=by, request=_request(scene, guest))
    with pytest.raises(PermissionDenied):
        ask_preflight(by=by, request=_request(scene, guest))
    with pytest.raises(PermissionDenied):
        cancel_migration(scene.request(guest), by=by)


def test_two_requests_are_one_migration_and_the_second_learns_which(scene: Scene, operator: Any, admin: Any) -> None:
    guest = scene.add_guest()
    first = scene.request(guest)
    with pytest.raises(AlreadyMoving) as busy:
        request_migration(by=admin, request=_request(scene, guest))
    assert busy.value.running == first
    assert str(busy.value) == "web-01 is already migrating to kvm-b."
    assert len(_queued()) == 1


def test_requests_at_the_same_time_are_one_migration(scene: Scene, operator: Any, admin: Any) -> None:
    request = _request(scene, scene.add_guest())
    ready, answers = threading.Barrier(4), list[str]()

    def ask(by: Any) -> None:
        ready.wait()
        try:
            answers.append(request_migration(by=by, request=request)[0].state)
        except AlreadyMoving as busy:
            answers.append(f"busy {busy.running.pk}")
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(by,)) for by in (operator, admin) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = Migration.objects.get()
    assert sorted(answers) == [f"busy {made.pk}"] * 3 + [State.REQUESTED]


def test_one_key_at_the_same_time_is_one_migration_for_everybody(scene: Scene, operator: Any) -> None:
    request = _request(scene, scene.add_guest())
    ready, answers = threading.Barrier(3), list[int]()

    def ask() -> None:
        ready.wait()
        try:
            answers.append(request_migration(by=operator, request=request, idempotency_key="k1")[0].pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [Migration.objects.get().pk] * 3


@pytest.mark.parametrize("state", [state for state in State if state not in TERMINAL])
def test_the_database_itself_allows_one_active_migration_per_guest(scene: Scene, state: State) -> None:
    guest = scene.add_guest()
    first = scene.request(guest)
    Migration.objects.filter(pk=first.pk).update(state=state)
    with pytest.raises(IntegrityError), transaction.atomic():
        Migration.objects.create(
            guest=first.guest, source=first.source, target=first.target, state_since=timezone.now()
        )


def test_after_the_end_the_guest_may_move_again(scene: Scene) -> None:
    guest = scene.add_guest()
    Migration.objects.filter(pk=scene.request(guest).pk).update(state=State.FAILED)
    assert scene.request(guest).state == State.REQUESTED


def test_the_database_itself_refuses_a_move_onto_the_same_host(scene: Scene) -> None:
    first = scene.request(scene.add_guest())
    with pytest.raises(IntegrityError), transaction.atomic():
        Migration.objects.filter(pk=first.pk).update(target=first.source)


def test_the_same_key_with_the_same_request_is_the_same_migration(scene: Scene, operator: Any) -> None:
    request = _request(scene, scene.add_guest())
    first = request_migration(by=operator, request=request, idempotency_key="k1")[0]
    again = request_migration(by=operator, request=request, idempotency_key="k1", reason="told twice")[0]
    assert again == first
    Migration.objects.filter(pk=first.pk).update(state=State.DONE)
    assert request_migration(by=operator, request=request, idempotency_key="k1")[0] == first
    assert len(_queued()) == 1


def test_the_same_key_with_another_request_is_refused(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    first = request_migration(by=operator, request=_request(scene, guest), idempotency_key="k1")[0]
    with pytest.raises(KeyReused) as reused:
        request_migration(by=operator, request=_request(scene, guest, bandwidth_mib=7), idempotency_key="k1")
    assert reused.value.first == first


def test_a_key_belongs_to_a_person(scene: Scene, operator: Any, admin: Any) -> None:
    first, second = scene.add_guest("web-01"), scene.add_guest("web-02")
    one = request_migration(by=operator, request=_request(scene, first), idempotency_key="k1")[0]
    other = request_migration(by=admin, request=_request(scene, second), idempotency_key="k1")[0]
    assert one != other


def test_unsafe_is_for_admins_who_type_the_name(scene: Scene, operator: Any, admin: Any) -> None:
    request = _request(scene, scene.add_guest(), unsafe=True)
    with pytest.raises(PermissionDenied):
        request_migration(by=operator, request=request, confirm="web-01")
    for confirm in ("", "WEB-01", "web-1"):
        with pytest.raises(RequestRefused) as refused:
            request_migration(by=admin, request=request, confirm=confirm)
        assert refused.value.field == "confirm"
    assert request_migration(by=admin, request=request, confirm="web-01")[0].request.options.unsafe
    assert Entry.objects.get(text__contains="requested the migration").text.endswith(
        "unsafe: without libvirt's storage checks."
    )


@pytest.mark.parametrize(("to", "field"), [("kvm-a", "target"), ("nowhere", "target")])
def test_a_target_that_cannot_be_is_refused(scene: Scene, operator: Any, to: str, field: str) -> None:
    guest = scene.add_guest()
    target = scene.hosts[to].pk if to in scene.hosts else 4711
    request = MigrationRequest(guest=guest.definition.uuid, target=target, options=Options())
    with pytest.raises(RequestRefused) as refused:
        request_migration(by=operator, request=request)
    assert refused.value.field == field


def test_a_target_without_an_address_for_other_hosts_is_refused(scene: Scene, operator: Any) -> None:
    host = scene.hosts["kvm-b"]
    host.transport, host.address = "unix", ""
    host.save()
    with pytest.raises(RequestRefused, match="no address for other hosts"):
        request_migration(by=operator, request=_request(scene, scene.add_guest()))


def test_a_guest_that_nobody_has_seen_is_refused(scene: Scene, operator: Any) -> None:
    for ask in (request_migration, ask_preflight):
        with pytest.raises(RequestRefused) as refused:
            ask(by=operator, request=_request(scene, new_guest("ghost")))
        assert refused.value.field == "guest"


def test_a_guest_that_left_every_host_is_refused(scene: Scene, operator: Any) -> None:
    guest = scene.add_guest()
    Sighting.objects.update(gone_since=timezone.now())
    with pytest.raises(RequestRefused, match="No registered host reports"):
        request_migration(by=operator, request=_request(scene, guest))


def test_undefining_the_source_without_keeping_the_guest_is_refused() -> None:
    with pytest.raises(BadRequest) as refused:
        make_request(guest="x", target=1, kind=Kind.LIVE, options={"persist": False})
    assert refused.value.field == "undefine_source"


@pytest.mark.parametrize("state", [State.REQUESTED, State.QUEUED])
def test_what_has_not_begun_is_cancelled_at_once(scene: Scene, operator: Any, state: State) -> None:
    migration = scene.request(scene.add_guest())
    Migration.objects.filter(pk=migration.pk).update(state=state)
    end = cancel_migration(migration, by=operator, reason="no need")
    assert (end.state, end.cancelled_by_name) == (State.CANCELLED, "olga")
    assert end.state_text == "web-01 was not touched: the migration was cancelled before it began."
    assert end.finished_at is not None
    assert states(end)[-1] == "cancelled"
    assert scene.run(end).state == State.CANCELLED
    assert scene.fleet.calls == []


def test_cancelling_twice_is_one_cancel(scene: Scene, operator: Any, admin: Any) -> None:
    migration = scene.request(scene.add_guest())
    Migration.objects.filter(pk=migration.pk).update(state=State.COPYING_MEMORY)
    first = cancel_migration(migration, by=operator).cancel_requested_at
    again = cancel_migration(fresh(migration), by=admin)
    assert (again.cancel_requested_at, again.cancelled_by_name) == (first, "olga")
    assert Entry.objects.filter(text__contains="asked to cancel the migration").count() == 1


def test_an_ended_migration_cannot_be_cancelled(scene: Scene, operator: Any) -> None:
    migration = scene.request(scene.add_guest())
    Migration.objects.filter(pk=migration.pk).update(state=State.DONE)
    with pytest.raises(TooLate, match="has already ended: done"):
        cancel_migration(migration, by=operator)
    assert not Entry.objects.filter(text__contains="cancelled").exists()


def test_a_preflight_is_a_row_and_a_task_of_the_short_cluster(scene: Scene, operator: Any) -> None:
    preflight = ask_preflight(by=operator, request=_request(scene, scene.add_guest()))
    assert (preflight.seen_at, preflight.asked_by) == (None, operator)
    task = OrmQ.objects.get()
    assert (task.key, task.task["func"]) == ("kvmweb", "migrations_app.tasks.run_preflight")
