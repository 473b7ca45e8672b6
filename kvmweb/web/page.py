"""What every page view begins with."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal.models import Entry

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(right: Right = Right.SEE) -> Callable[[View[P]], View[P]]:
    """Only for users with this right.

    Remembers where the journal ended before the view read anything: the page's socket asks for everything after that,
    so the page misses nothing that happens while it is rendered and loaded.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            require(request.user, right)
            if request.method == "GET":
                newest = Entry.objects.order_by("-id").values_list("id", flat=True).first()
                cast("Any", request).journal_end = newest or 0
            return view(request, *args, **kwargs)

        return cast("View[P]", guarded)

    return decorate


def number(text: str) -> int:
    """A primary key from the address of a page, after the "?"; 0, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0


def person(request: HttpRequest) -> User:
    """The logged-in user; `page` has made sure that there is one."""
    return cast("User", request.user)
