"""Lists of the API: `{items, next}`, in the order of a unique key."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from ninja import Field, Schema

from kvmweb.web.plain import Plain
from kvmweb.web.problems import ProblemError

T = TypeVar("T")


class Page(Schema):
    """At most `limit` items, after the one that `next` of the previous page named."""

    limit: int = Field(100, ge=1, le=500)
    after: Plain = Field("", max_length=100)


class Listed(Schema, Generic[T]):
    """Pass `next` as `after` to get the next page; it is null on the last one."""

    items: list[T]
    next: str | None = None


def paged(rows: QuerySet[Any], page: Page, *, newest_first: bool = False) -> tuple[list[Any], str | None]:
    """One page in the order of the primary key, and `after` for the next one."""
    ordered = rows.order_by("-pk" if newest_first else "pk")
    if page.after:
        try:
            after = rows.model._meta.pk.to_python(page.after)
        except ValidationError:
            message = "This is not a value that `next` returned."
            raise ProblemError(422, message, errors=[{"field": "after", "message": message}]) from None
        ordered = ordered.filter(**{f"pk__{'lt' if newest_first else 'gt'}": after})
    items = list(ordered[: page.limit + 1])
    more = len(items) > page.limit
    items = items[: page.limit]
    return items, str(items[-1].pk) if more else None
