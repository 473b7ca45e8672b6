"""How long a login lasts: since its user last did something, and in all (KVMWEB_SESSION_*)."""

from __future__ import annotations

from contextlib import suppress
from time import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError

from kvmweb.database import best_effort

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

#: keys in the session; seconds since 1970
_BEGAN, _USED = "began", "used"
#: writing "used" more often than this would cost one write per request
_GRAIN = 60
#: what htmx sends when an open page reads itself again (static/js/live.js): nobody did anything
_BY_ITSELF = "socket"


def begins(*, request: HttpRequest, **_: Any) -> None:
    """Django's signal after a login."""
    request.session[_BEGAN] = request.session[_USED] = time()


def over(session: SessionBase) -> bool:
    """Whether one of the two limits has passed. A session from before there were limits begins with its next use."""
    config, now = settings.KVMWEB, time()
    idle, age = now - session.get(_USED, now), now - session.get(_BEGAN, now)
    return bool(idle > config.session_idle_minutes * 60 or age > config.session_hours * 3600)


def used(request: HttpRequest) -> None:
    """Called for every request of a user who is logged in."""
    session, now = request.session, time()
    modified = session.modified
    if request.headers.get("HX-Trigger") == _BY_ITSELF or now - session.get(_USED, 0) < _GRAIN:
        return
    session[_USED] = now
    session.setdefault(_BEGAN, now)
    with (
        best_effort(),
        suppress(UpdateError),
    ):  # logged out meanwhile, or the database is busy: the next request writes it
        session.save()
    session.modified = modified  # or Django would save it again, and fail when it cannot
