"""Shared by the files of the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hosts.models import Host
from kvmweb.web.problems import ProblemError
from migrations_app.api.requests import WishIn
from migrations_app.domain.kinds import Kind
from migrations_app.domain.request import BadRequest, MigrationRequest, make_request
from migrations_app.reading.guests import is_seen
from migrations_app.reading.hosts import host_called
from migrations_app.usecases.errors import RequestRefused


def found_host(user: Any, wanted: str | int, *, field: str) -> Host:
    """The host with this name, else with this id; a problem of `field` when there is none."""
    found = host_called(user, wanted)
    if found is None:
        raise unfit(field, "There is no host with this id or name.")
    return found


def request_of(user: Any, payload: WishIn, *, guest: UUID) -> MigrationRequest:
    """A checked request from the API's fields. Whether a VM has this UUID is for the caller to know."""
    host = found_host(user, payload.target, field="target")
    try:
        options = payload.options.given()
        return make_request(guest=str(guest), target=host.pk, kind=Kind(payload.kind), options=options)
    except BadRequest as bad:
        raise unfit(bad.field, str(bad)) from None


def request_for_guest(user: Any, payload: WishIn, *, guest: UUID) -> MigrationRequest:
    """A checked request about a VM that was seen."""
    request = request_of(user, payload, guest=guest)
    if not is_seen(user, guest):
        raise ProblemError(404, "No VM with this UUID has been seen.")
    return request


def unfit(field: str, message: str, *, status: int = 422) -> ProblemError:
    return ProblemError(status, message, errors=[{"field": field, "message": message}])


def refused_problem(refused: RequestRefused) -> ProblemError:
    return unfit(refused.field, refused.message)
