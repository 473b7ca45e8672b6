"""Shared by the files of the API."""

from __future__ import annotations

from typing import Any

from hosts.models import Host
from kvmweb.web.problems import ProblemError
from migrations_app.api.requests import PreflightIn
from migrations_app.domain.kinds import Kind
from migrations_app.domain.request import BadRequest, MigrationRequest, make_request
from migrations_app.reading.guests import is_seen
from migrations_app.reading.hosts import host_called
from migrations_app.usecases.errors import RequestRefused


def found_host(user: Any, wanted: str | int, *, field: str) -> Host:
    """The host with this name, else with this id; a problem of `field` when there is none."""
    found = host_called(user, wanted)
    if found is None:
        message = "There is no host with this id or name."
        raise ProblemError(422, message, errors=[{"field": field, "message": message}])
    return found


def request_of(user: Any, payload: PreflightIn) -> MigrationRequest:
    """A checked request from the API's fields."""
    host = found_host(user, payload.target, field="target")
    if not is_seen(user, payload.guest):
        raise ProblemError(404, "No VM with this UUID has been seen.")
    try:
        options = payload.options.given()
        return make_request(guest=str(payload.guest), target=host.pk, kind=Kind(payload.kind), options=options)
    except BadRequest as bad:
        raise ProblemError(422, str(bad), errors=[{"field": bad.field, "message": str(bad)}]) from None


def refused_problem(refused: RequestRefused) -> ProblemError:
    return ProblemError(422, refused.message, errors=[{"field": refused.field, "message": refused.message}])
