"""/api/v1: tokens, problem details, the OpenAPI document and its page. The operations are in the two apps."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.security import HttpBearer

from kvmweb.accounts.models import Token
from kvmweb.apidocs import LocalDocs
from kvmweb.web import problems


class TokenAuth(HttpBearer):
    """Tokens only: the API ignores a browser's session, so no other site can use it through the browser."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        user = Token.person(token)
        if user is not None:
            request.user = user
        return user


class KvmwebAPI(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        schema = super().get_openapi_schema(**kwargs)
        problems.as_problem_json(schema)
        return schema

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """Called at the start of every operation. Refuses unknown parameters: a misspelt filter would return
        everything."""
        strange = [name for name in request.GET if name not in self._known_parameters(request)]
        if strange:
            errors = [{"field": name, "message": "There is no such parameter."} for name in strange]
            raise problems.ProblemError(422, "There is no such parameter.", errors=errors)
        return super().create_temporal_response(request)

    def _known_parameters(self, request: HttpRequest) -> set[str]:
        match = request.resolver_match
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{match.route if match else ''}")
        operation = self._paths.get(path, {}).get((request.method or "").lower(), {})
        return {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}

    @cached_property
    def _paths(self) -> dict[str, Any]:
        paths: dict[str, Any] = self.get_openapi_schema()["paths"]
        return paths


api = KvmwebAPI(
    title="kvmweb",
    version="1",
    description="Migrates KVM virtual machines between libvirt hosts.",
    auth=TokenAuth(),
    docs=LocalDocs(),
    docs_url="/docs",
    urls_namespace="api",
)
problems.install(api)

from approvals.api import approvals, rules  # noqa: E402  they need what is above
from hosts.api import router as hosts_router  # noqa: E402
from kvmweb.console.api import router as people_router  # noqa: E402
from kvmweb.health.api import router as health_router  # noqa: E402
from migrations_app.api import (  # noqa: E402
    flight_record,
    guests,
    journal,
    migrations,
    options,
    orders,
    path_rates,
    policies,
    preflights,
    probing,
    rollback_copies,
    teams,
)
from portal.api import quotas, requests, terms, windows  # noqa: E402

api.add_router("", hosts_router)
api.add_router("", people_router)
for subject in (
    guests, options, preflights, migrations, flight_record, orders, policies, rollback_copies, journal, teams,
    probing, path_rates,
):  # fmt: skip
    api.add_router("", subject.router)
api.add_router("", health_router)
for subject in (approvals, rules, requests, quotas, windows, terms):
    api.add_router("", subject.router)
