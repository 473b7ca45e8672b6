"""Who logged in, who did not, who was slowed down or refused: for the journal and the log, with name and address."""

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
#: of what anybody can cause from one address so many an hour are in the journal; all are in the log
MOST_NOTES = 30
_HOUR = 3600


def address(request: HttpRequest) -> str:
    """The client's; a proxy's own when it is not in KVMWEB_TRUSTED_PROXIES (kvmweb/asgi.py).

    Whoever hides it behind a garbled X-Forwarded-For shares one with all who do.
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
    who = isolated(person.get_username()) if person else f"{_shown(name)}, whom nobody knows"
    inactive = ", who is inactive" if person and not person.is_active else ""
    _tell(f"Wrong name or password: {who}{inactive}, from {address(request)}", "failed", request, name=name)


def throttled(request: HttpRequest, name: str, seconds: int) -> None:
    what = f"{_shown(name)} from {address(request)} has to wait {seconds} s after too many wrong passwords"
    _tell(what, "throttled", request, name=name)


def too_many(request: HttpRequest) -> None:
    """More tries from one address than anybody needs, whatever the names."""
    _tell(f"Too many tries from {address(request)}: {request.path}", "throttled", request)


def to_note(request: HttpRequest, reason: str) -> None:
    """A 403, for `refused`: who answers it may be in no place to write."""
    cast("Any", request).kvmweb_refusal = reason


def refused(request: HttpRequest) -> None:
    """Called by the middleware: notes it when somebody who is logged in, or has a token, may not do something."""
    user, reason = getattr(request, "user", None), getattr(request, "kvmweb_refusal", None)
    if reason is not None and user is not None and user.is_authenticated:
        what = f"{isolated(user.get_username())} was refused {request.method} {_shown(request.path)}"
        _tell(f"{what} from {address(request)}: {reason}", "refused", request, user=user)


def _tell(text: str, event: str, request: HttpRequest, *, user: User | None = None, name: str = "") -> None:
    if event != "refused":  # Django has a line about it
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
            text += ". More of this from there is in the log only, for an hour."
    with best_effort(text):
        writer.write(writer.LOGINS, EntryKind.NOTE, text, body=body, actor=user)


def _shown(text: str) -> str:
    """What somebody typed or asked for, in a sentence."""
    return isolated("".join(c if is_plain(c) else "\ufffd" for c in text[:150]))
