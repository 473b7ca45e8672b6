"""A user asks for a migration. Nothing is contacted here: the row is written and a worker told to look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from hosts.models import Guest, Host
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import bare, isolated
from migrations_app import ledger
from migrations_app.domain.convergence.policy import Policy as PolicyData
from migrations_app.domain.forecast import forecast_stop
from migrations_app.domain.gate import Lane
from migrations_app.domain.kinds import KIND
from migrations_app.domain.lifecycle import NOT_STARTED, State
from migrations_app.domain.request import MigrationRequest
from migrations_app.hooks import REQUESTED, WANTED
from migrations_app.models import Migration, PolicyChoice
from migrations_app.usecases.ask_preflight import host_seen
from migrations_app.usecases.errors import AlreadyMoving, KeyReused, RequestRefused, stays_words
from migrations_app.usecases.policies import policy_called
from migrations_app.words.forecast import interruption_words
from migrations_app.words.places import places_words
from migrations_app.words.policies import quoted

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_migration(
    *,
    by: User,
    request: MigrationRequest,
    reason: str = "",
    idempotency_key: str = "",
    confirm: str = "",
    urgent: bool = False,
    break_glass: str = "",
) -> tuple[Migration, bool]:
    """Record what an operator wants and queue it: (migration, whether it is new). The same key with the same request
    returns the migration it made before. What a team has waiting for this VM gives way. `break_glass`: the reason not
    to wait for another admin, where an unsafe migration would.

    Raises PermissionDenied, RequestRefused, AlreadyMoving, KeyReused.
    """
    require(by, Right.MOVE)
    guest = _guest(request, by)
    require(by, Right.MOVE, guest)
    require(by, Right.MOVE, host_seen(by, request.target))
    if KIND[request.kind].stops and not _confirmed(guest, confirm):
        raise RequestRefused("confirm", _stop_words(by, request, guest))
    if urgent and not reason.strip():
        raise RequestRefused("reason", "Say why it is urgent: the people of the VM's team are told.")
    if request.options.unsafe:
        require(by, Right.MOVE_UNSAFE)
        if not _confirmed(guest, confirm):
            raise RequestRefused("confirm", "An unsafe migration must be confirmed with the exact name of the VM.")
    return record_migration(
        by=by,
        guest=guest,
        request=request,
        reason=reason,
        idempotency_key=idempotency_key,
        urgent=urgent,
        break_glass=break_glass,
    )


def record_migration(
    *,
    by: User,
    guest: Guest,
    request: MigrationRequest,
    reason: str = "",
    idempotency_key: str = "",
    urgent: bool = False,
    break_glass: str = "",
    lane: Lane = Lane.OPERATIONS,
) -> tuple[Migration, bool]:
    """The same without asking whether `by` may: for who has asked already. Raises RequestRefused, AlreadyMoving,
    KeyReused."""
    if idempotency_key and (earlier := _earlier(by, idempotency_key, request)):
        return earlier, False
    source = _source(guest)
    target = _target(request, guest, source)
    policy = _policy(request, guest, source)
    try:
        with transaction.atomic():
            if lane is Lane.OPERATIONS:
                _give_way(guest, by)
            migration = Migration.objects.create(
                guest=guest,
                guest_name=guest.name,
                source=source,
                target=target,
                kind=request.kind,
                options=request.options.as_json(),
                policy=policy.as_json() if policy else {},
                asked_policy=request.policy,
                state_since=timezone.now(),
                requested_by=by,
                requested_by_name=by.get_username(),
                reason=reason,
                idempotency_key=idempotency_key,
                lane=lane,
                urgent=urgent,
            )
            _tell(migration, by)
            for tell_them in REQUESTED:
                tell_them(migration, by, break_glass)
            writer.signal(writer.MIGRATIONS, migration=migration.pk)
            enqueue("migrations_app.tasks.run_migration", migration.pk, cluster="migrations")
    except IntegrityError:
        if idempotency_key and (earlier := _earlier(by, idempotency_key, request)):
            return earlier, False
        running = Migration.objects.active().filter(guest=guest).select_related("source", "target").first()
        if running is None:  # it ended between our insert and this look; the person may ask again
            raise RequestRefused(
                "guest", "Another migration of this VM has just ended. Look at it, then try again."
            ) from None
        raise AlreadyMoving(running) from None
    return migration, True


def _confirmed(guest: Guest, confirm: str) -> bool:
    """With its name, typed or copied from a page."""
    return bare(isolated(confirm)) == bare(isolated(guest.name))


def _stop_words(by: User, request: MigrationRequest, guest: Guest) -> str:
    target = _target(request, guest, source := _source(guest))
    known = Migration.objects.visible_to(by).interruptions(guest=guest, source=source, target=target)
    foreseen = forecast_stop(known, patience_s=request.options.shutdown_patience_s)
    return (
        f"{isolated(guest.name)} is shut down on {source} and started on {target}. It is interrupted for"
        f" {interruption_words(foreseen)} Confirm this with the exact name of the VM."
    )


def _tell(migration: Migration, by: User) -> None:
    request = migration.request
    text = f"{isolated(by.get_username())} requested {_what(migration)}"
    text += f" with the policy {quoted(request.policy)}" if request.policy else ""
    text += ", unsafe: without libvirt's storage checks" if request.options.unsafe else ""
    text += ". It is urgent." if migration.urgent else "."
    body = {"state": State.REQUESTED, "request": request.as_json(), "policy": migration.policy}
    writer.write(migration.topic, EntryKind.ACTION, text, body=body, actor=by, reason=migration.reason)


def _give_way(guest: Guest, by: User) -> None:
    """Operations come first: what a team's request has queued for this VM, and has not begun, is withdrawn."""
    for give_way in WANTED:
        give_way(guest, by)
    waiting = Migration.objects.active().filter(guest=guest, lane=Lane.PORTAL).first()
    if waiting is not None:
        text = f"{guest.name} was not touched: operations needed the VM, so this migration of its team was withdrawn."
        ledger.end_by_person(waiting.pk, states=sorted(NOT_STARTED), new=State.CANCELLED, text=text)


def _guest(request: MigrationRequest, by: User) -> Guest:
    rows = Guest.objects.visible_to(by).prefetch_related("sightings__host")
    guest: Guest | None = rows.filter(pk=request.guest).first()
    if guest is None:
        raise RequestRefused("guest", "No VM with this UUID has been seen.")
    return guest


def _source(guest: Guest) -> Host:
    sighting = guest.current_sighting()
    if sighting is None:
        raise RequestRefused("guest", f"No registered host reports {isolated(guest.name)}.")
    return sighting.host


def _what(migration: Migration) -> str:
    name, source = migration.guest_name, migration.source
    if migration.kind_row.same_host:
        return f"the storage migration of {name} on {source}: {places_words(migration.request.options.disks)}"
    return f"the migration of {name} from {source} to {migration.target}"


def _target(request: MigrationRequest, guest: Guest, source: Host) -> Host:
    """The host that the request names. Raises RequestRefused."""
    target: Host | None = Host.objects.filter(pk=request.target).first()
    if target is None:
        raise RequestRefused("target", "There is no such host.")
    if KIND[request.kind].same_host:
        if target != source:
            raise RequestRefused("target", stays_words(guest, source))
        return target
    if source == target:
        raise RequestRefused("target", f"{isolated(guest.name)} is already on {source}.")
    if target.peer is None:
        raise RequestRefused("target", f"{target} has no address for other hosts. Enter one on the host's page.")
    return target


def _policy(request: MigrationRequest, guest: Guest, source: Host) -> PolicyData | None:
    """The one that the request names, or the first that is set of: VM, source host, installation. None: the method has
    none. Raises RequestRefused."""
    if not KIND[request.kind].has_policy:
        return None
    if request.policy:
        return policy_called(request.policy).data
    return PolicyChoice.objects.in_effect(guest=guest, source=source).policy.data


def _earlier(by: User, key: str, request: MigrationRequest) -> Migration | None:
    first = Migration.objects.filter(requested_by=by, idempotency_key=key).select_related("source", "target").first()
    if first is not None and first.request != request:
        raise KeyReused(first)
    return first
