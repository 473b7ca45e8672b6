"""Logins, failed logins, throttled and refused requests: for the journal and the log, with name and address."""

from __future__ import annotations

import logging
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.models import User
from django.core.cache import cache

from kvmweb.accounts import throttle
from kvmweb.database import best_effort
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import is_plain, isolated

if TYPE_CHECKING:
    from django.http import HttpRequest

log = logging.getLogger(__name__)
#: entries per hour, address and event in the journal, for what anybody can cause; the log has all of them
MOST_NOTES = 30
_HOUR = 3600


def address(request: HttpRequest) -> str:
    """The client's address; the proxy's own when it is not in KVMWEB_TRUSTED_PROXIES (kvmweb/asgi.py).

    All clients with an invalid X-Forwarded-For count as one: "unknown".
    """
    try:
        return str(ip_address(request.META.get("REMOTE_ADDR") or ""))
    except ValueError:
        return "unknown"


def succeeded(*, request: HttpRequest, user: User, **_: Any) -> None:
    """allauth's signal."""
    _tell(f"{isolated(user.get_username())} logged in from {address(request)}", "login", request, user=user)


def failed(request: HttpRequest, name: str) -> None:
    person = User.objects.filter(username=name).first()
    who = isolated(person.get_username()) if person else f"{_shown(name)} (unknown user)"
    inactive = " (inactive user)" if person and not person.is_active else ""
    _tell(f"Failed login: {who}{inactive} from {address(request)}", "failed", request, name=name)


def throttled(request: HttpRequest, name: str, seconds: int) -> None:
    what = f"{_shown(name)} from {address(request)} must wait {seconds} s after too many failed logins"
    _tell(what, "throttled", request, name=name)


def too_many(request: HttpRequest) -> None:
    """allauth's limit per address, whatever the names."""
    _tell(f"Too many attempts from {address(request)}: {request.path}", "throttled", request)


def to_note(request: HttpRequest, reason: str) -> None:
    """Keep the reason of a 403 for `refused`: the code that answers it may not be able to write."""
    cast("Any", request).kvmweb_refusal = reason


def refused(request: HttpRequest) -> None:
    """Called by the middleware: records a 403 of a user who is logged in or has a token."""
    user, reason = getattr(request, "user", None), getattr(request, "kvmweb_refusal", None)
    if reason is not None and user is not None and user.is_authenticated:
        what = f"{isolated(user.get_username())} was denied {request.method} {_shown(request.path)}"
        _tell(f"{what} from {address(request)}: {reason}", "refused", request, user=user)


def _tell(text: str, event: str, request: HttpRequest, *, user: User | None = None, name: str = "") -> None:
    if event != "refused":  # Django logs these itself
        log.info("%s", text)
    where = address(request)
    body = {"event": event, "address": where, "name": user.get_username() if user else name[:150]}
    if event != "login":
        key = f"noted:{event}:{throttle.network(where)}"
        cache.add(key, 0, _HOUR)
        try:
            count = cache.incr(key)
        except ValueError:  # the hour ended in between
            count = 1
        if count > MOST_NOTES:
            return
        if count == MOST_NOTES:
            text += ". For an hour, further entries like this from that address are in the log only."
    with best_effort(text):
        writer.write(writer.LOGINS, EntryKind.NOTE, text, body=body, actor=user)


def _shown(text: str) -> str:
    """Typed names and requested paths, safe to show."""
    return isolated("".join(c if is_plain(c) else "\ufffd" for c in text[:150]))
