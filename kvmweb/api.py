"""/api/v1: tokens, problem details, the OpenAPI document and its page. The operations are in the two apps."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase
from ninja.security import HttpBearer

from kvmweb import problems
from kvmweb.accounts.models import Token


class TokenAuth(HttpBearer):
    """Tokens only: a browser's session does not open the API, so no page can be tricked into using it."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        user = Token.person(token)
        if user is not None:
            request.user = user
        return user


class LocalDocs(DocsBase):
    """The document as a page of our own, without inline script."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        return render(request, "api/docs.html", {"openapi_url": self.get_openapi_url(api, kwargs), "api": api})


api = NinjaAPI(
    title="kvmweb",
    version="1",
    description="Moves KVM virtual machines between plain libvirt hosts.",
    auth=TokenAuth(),
    docs=LocalDocs(),
    docs_url="/docs",
    urls_namespace="api",
)
problems.install(api)

from hosts.api import router as hosts_router
from migrations_app.api import router as migrations_router

api.add_router("", hosts_router)
api.add_router("", migrations_router)
