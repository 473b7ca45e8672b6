"""A user asks whether a guest could migrate, or a VM with a given definition. A worker looks at the hosts; the row is
where the answer will be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from hosts.models import Guest, Host
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from migrations_app.domain.kinds import KIND
from migrations_app.domain.request import MigrationRequest
from migrations_app.models import Preflight
from migrations_app.usecases.errors import RequestRefused, stays_words
from migrations_app.usecases.policies import policy_called

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from hosts.facts.given_definition import GivenDefinition


def ask_preflight(*, by: User, request: MigrationRequest) -> Preflight:
    """Raises PermissionDenied, RequestRefused. The peer probe takes the guest's job for a moment: operators only,
    and unsafe migrations for admins."""
    _check(by, request)
    guest = Guest.objects.visible_to(by).filter(pk=request.guest).first()
    if guest is None:
        raise RequestRefused("guest", "No VM with this UUID has been seen.")
    target, row = host_seen(by, request.target), KIND[request.kind]
    require(by, Right.MOVE, guest)
    require(by, Right.MOVE, target)
    here = guest.current_sighting()
    if row.same_host and here is not None and here.host_id != target.pk:
        raise RequestRefused("target", stays_words(guest, here.host))
    with transaction.atomic():
        preflight = _create(by, request, guest=guest)
        text = f"{isolated(by.get_username())} requested a preflight check of {isolated(guest.name)} for {target}."
        body = {"preflight": preflight.pk, "request": request.as_json()}
        writer.write(writer.guest_topic(request.guest), EntryKind.ACTION, text, body=body, actor=by)
    return preflight


def ask_about_definition(
    *, by: User, definition: GivenDefinition, source: Host, request: MigrationRequest
) -> Preflight:
    """The same for a VM that no host needs to have. Raises PermissionDenied, RequestRefused."""
    _check(by, request)
    target = host_seen(by, request.target)
    require(by, Right.MOVE, source)
    require(by, Right.MOVE, target)
    if KIND[request.kind].off or KIND[request.kind].same_host:
        raise RequestRefused("kind", "A definition is checked for a VM that runs. Choose a live method.")
    if target == source:
        raise RequestRefused("target", "Source and destination are the same host.")
    with transaction.atomic():
        preflight = _create(by, request, source=source, definition=definition.xml)
        text = (
            f"{isolated(by.get_username())} requested a preflight check of a definition of {isolated(definition.name)}"
            f" for {target}."
        )
        body = {"preflight": preflight.pk, "request": request.as_json()}
        writer.write(writer.host_topic(source.pk), EntryKind.ACTION, text, body=body, actor=by)
    return preflight


def host_seen(by: User, pk: int) -> Host:
    """A destination that this user sees. Raises RequestRefused."""
    found: Host | None = Host.objects.visible_to(by).filter(pk=pk).first()
    if found is None:
        raise RequestRefused("target", "There is no such host.")
    return found


def _check(by: User, request: MigrationRequest) -> None:
    require(by, Right.MOVE)
    if request.options.unsafe:
        require(by, Right.MOVE_UNSAFE)
    if request.policy:
        policy_called(request.policy)


def record_preflight(*, by: User, request: MigrationRequest, **of: Guest | Host | str) -> Preflight:
    """Without a task, and without asking whether `by` may: for a worker that answers it itself. `of`: the fields that
    say of what."""
    preflight: Preflight = Preflight.objects.create(
        target_id=request.target,
        kind=request.kind,
        options=request.options.as_json(),
        asked_policy=request.policy,
        asked_by=by,
        **of,
    )
    return preflight


def _create(by: User, request: MigrationRequest, **of: Guest | Host | str) -> Preflight:
    """In the caller's transaction, with its task."""
    preflight = record_preflight(by=by, request=request, **of)
    enqueue("migrations_app.tasks.run_preflight", preflight.pk, cluster="kvmweb")
    return preflight
