"""/api/v1: tokens, problem details, the OpenAPI document and its page. The operations are in the two apps."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import Field, NinjaAPI, Schema
from ninja.openapi.docs import DocsBase
from ninja.security import HttpBearer

from kvmweb import problems
from kvmweb.accounts.models import Token

T = TypeVar("T")


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


class Page(Schema):
    """How far to go in a list: at most `limit` items, after the item that `next` of the page before named."""

    limit: int = Field(100, ge=1, le=500)
    after: str = Field("", max_length=100)


class Listed(Schema, Generic[T]):
    """`next` goes into `after` for the following page; null at the end."""

    items: list[T]
    next: str | None = None


def paged(rows: QuerySet[Any], page: Page, *, key: str = "pk", newest_first: bool = False) -> tuple[list[Any], str | None]:
    """One page in the order of a unique key."""
    ordered = rows.order_by(f"-{key}" if newest_first else key)
    if page.after:
        try:
            ordered = ordered.filter(**{f"{key}__{'lt' if newest_first else 'gt'}": page.after})
        except (ValueError, TypeError):
            raise problems.ProblemError(422, "after is not a value that next gave.") from None
    items = list(ordered[: page.limit + 1])
    more = len(items) > page.limit
    items = items[: page.limit]
    return items, str(getattr(items[-1], key)) if more else None


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
