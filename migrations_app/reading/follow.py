"""Who may follow which topic on an open page, and what a new socket has missed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.utils.crypto import constant_time_compare

from hosts.models import Guest, Host
from kvmweb.accounts import sessions
from kvmweb.accounts.permissions import Right, may
from kvmweb.journal import writer
from kvmweb.journal.models import Entry
from migrations_app.domain.lifecycle import IN_FLIGHT
from migrations_app.models import Migration

INVENTORY = writer.INVENTORY
MIGRATIONS = writer.MIGRATIONS
#: what everybody who sees everything may follow. People of teams follow none of these: the fragments name hosts
LISTS = (INVENTORY, MIGRATIONS)
#: the word before the colon of a topic about one object; the object has to be visible
OBJECTS = ("guest", "migration", "host")
MOST_TOPICS = 16

NOT_LOGGED_IN = 4401
NOT_ALLOWED = 4403
NOT_FOUND = 4404

_sessions = import_module(settings.SESSION_ENGINE).SessionStore


def refusal(user_pk: int | None, session_key: str | None, topics: Sequence[str]) -> int:
    """0 if this user is still logged in and may follow all of these topics, else the close code that says why not."""
    user = User.objects.filter(pk=user_pk, is_active=True).first() if user_pk is not None else None
    if user is None or not session_key or not _logged_in(user, session_key):
        return NOT_LOGGED_IN
    if not may(user, Right.SEE):
        return NOT_ALLOWED
    if not 0 < len(topics) <= MOST_TOPICS or not all(_visible(user, topic) for topic in topics):
        return NOT_FOUND
    return 0


def _logged_in(user: User, session_key: str) -> bool:
    """What is checked at every request: the session has not expired, belongs to this user, and is not older than the
    password."""
    session = _sessions(session_key)
    if sessions.over(session):
        return False
    known = session.get(HASH_SESSION_KEY, "")
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return session.get(SESSION_KEY) == str(user.pk) and any(constant_time_compare(known, own) for own in hashes)


def _visible(user: User, topic: str) -> bool:
    kind, _, name = topic.partition(":")
    if topic in LISTS:
        return True
    if kind not in OBJECTS:
        return False
    if kind == "guest":
        try:
            return Guest.objects.visible_to(user).filter(pk=UUID(name)).exists()
        except ValueError:
            return False
    rows = Migration.objects if kind == "migration" else Host.objects
    if not name.isascii() or not name.isdecimal() or len(name) > 18:
        return False
    return bool(rows.visible_to(user).filter(pk=int(name)).exists())


def moving_topics(user_pk: int) -> list[str]:
    """The topics of the migrations that libvirt is running."""
    user = User.objects.get(pk=user_pk)
    rows = Migration.objects.visible_to(user).filter(state__in=IN_FLIGHT)
    return [writer.migration_topic(pk) for pk in rows.values_list("pk", flat=True)]


def changed_since(topics: Sequence[str], entry: str) -> set[str]:
    """Those of `topics` that have journal entries newer than `entry`, the number the page was made with."""
    after = int(entry) if entry.isascii() and entry.isdecimal() and len(entry) <= 18 else 0
    rows = Entry.objects.filter(topic__in=topics, id__gt=after)
    return set(rows.order_by().values_list("topic", flat=True).distinct())
