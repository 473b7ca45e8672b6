"""Lists of the API: `{items, next}`, in the order of a unique key."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from ninja import Field, Schema

from kvmweb.problems import ProblemError

T = TypeVar("T")


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
            raise ProblemError(422, "after is not a value that next gave.") from None
    items = list(ordered[: page.limit + 1])
    more = len(items) > page.limit
    items = items[: page.limit]
    return items, str(getattr(items[-1], key)) if more else None
