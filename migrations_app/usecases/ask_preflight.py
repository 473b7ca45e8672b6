"""A person asks whether a guest could move. A worker looks at the hosts; the row is where the answer will be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from hosts.models import Guest, Host
from kvmweb.accounts.permissions import Right, require
from kvmweb.queue import enqueue
from migrations_app.domain.request import MigrationRequest, options_json
from migrations_app.models import Preflight
from migrations_app.usecases.errors import RequestRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def ask_preflight(*, by: User, request: MigrationRequest) -> Preflight:
    """Raises PermissionDenied, RequestRefused. The peer probe takes the guest's job for a moment: operators only."""
    require(by, Right.MOVE)
    if not Guest.objects.filter(pk=request.guest).exists():
        raise RequestRefused("guest", "No VM with this UUID has been seen.")
    if not Host.objects.filter(pk=request.target).exists():
        raise RequestRefused("target", "There is no such host.")
    with transaction.atomic():
        preflight = Preflight.objects.create(
            guest_id=request.guest,
            target_id=request.target,
            kind=request.kind,
            options=options_json(request.options),
            asked_by=by,
        )
        enqueue("migrations_app.tasks.run_preflight", preflight.pk, cluster="kvmweb")
    return preflight
