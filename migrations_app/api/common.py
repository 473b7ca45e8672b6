"""Shared by the files of the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hosts.models import Host
from kvmweb.web.problems import ProblemError
from migrations_app.api.requests import WishIn
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.request import BadRequest, MigrationRequest, make_request
from migrations_app.reading.guests import guests_seen, is_seen
from migrations_app.reading.hosts import host_called


def found_host(user: Any, wanted: str | int, *, field: str) -> Host:
    """The host with this name, else with this id; a problem of `field` when there is none."""
    found = host_called(user, wanted)
    if found is None:
        raise unfit(field, "There is no host with this id or name.")
    return found


def request_of(user: Any, payload: WishIn, *, guest: UUID, target: Host | None = None) -> MigrationRequest:
    """A checked request from the API's fields. Whether a VM has this UUID is for the caller to know. `target`: where it
    goes if the request does not say."""
    if payload.target is not None:
        target = found_host(user, payload.target, field="target")
    elif target is None:
        raise unfit("target", "Field required: the id or name of the destination host.")
    try:
        options = payload.options.given()
        return make_request(
            guest=str(guest), target=target.pk, kind=Kind(payload.kind), options=options, policy=payload.policy or ""
        )
    except BadRequest as bad:
        raise unfit(bad.field, str(bad)) from None


def request_for_guest(user: Any, payload: WishIn, *, guest: UUID) -> MigrationRequest:
    """A checked request about a VM that was seen."""
    own = _own_host(user, guest) if KIND[Kind(payload.kind)].same_host else None
    request = request_of(user, payload, guest=guest, target=own)
    if not is_seen(user, guest):
        raise ProblemError(404, "No VM with this UUID has been seen.")
    return request


def _own_host(user: Any, guest: UUID) -> Host:
    found = guests_seen(user).filter(pk=guest).first()
    if found is None:
        raise ProblemError(404, "No VM with this UUID has been seen.")
    here = found.current_sighting()
    if here is None:
        raise unfit("guest", "No registered host reports this VM.")
    return here.host


def unfit(field: str, message: str, *, status: int = 422) -> ProblemError:
    return ProblemError(status, message, errors=[{"field": field, "message": message}])
