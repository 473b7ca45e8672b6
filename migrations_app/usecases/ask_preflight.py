"""A person asks whether a guest could move. A worker looks at the hosts; the row is where the answer will be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from hosts.models import Guest, Host
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from migrations_app.domain.request import MigrationRequest
from migrations_app.models import Preflight
from migrations_app.usecases.errors import RequestRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def ask_preflight(*, by: User, request: MigrationRequest) -> Preflight:
    """Raises PermissionDenied, RequestRefused. The peer probe takes the guest's job for a moment: operators only,
    and unsafe moves for admins."""
    require(by, Right.MOVE)
    if request.options.unsafe:
        require(by, Right.MOVE_UNSAFE)
    guest = Guest.objects.filter(pk=request.guest).first()
    if guest is None:
        raise RequestRefused("guest", "No VM with this UUID has been seen.")
    target = Host.objects.filter(pk=request.target).first()
    if target is None:
        raise RequestRefused("target", "There is no such host.")
    with transaction.atomic():
        preflight = Preflight.objects.create(
            guest_id=request.guest,
            target_id=request.target,
            kind=request.kind,
            options=request.options.as_json(),
            asked_by=by,
        )
        text = f"{isolated(by.get_username())} requested a preflight check of {isolated(guest.name)} for {target}."
        body = {"preflight": preflight.pk, "request": request.as_json()}
        writer.write(writer.guest_topic(request.guest), EntryKind.ACTION, text, body=body, actor=by)
        enqueue("migrations_app.tasks.run_preflight", preflight.pk, cluster="kvmweb")
    return preflight
