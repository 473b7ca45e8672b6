"""Who may follow which topic on an open page, and what a new socket has missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.utils.crypto import constant_time_compare

from hosts.models import Guest, Host, HostGroup
from hosts.reading.veil import veil_for
from kvmweb.accounts import sessions
from kvmweb.accounts.permissions import Right, groups_of, may
from kvmweb.journal import live, writer
from kvmweb.journal.models import Entry
from kvmweb.web.page import number
from migrations_app.domain.lifecycle import IN_FLIGHT
from migrations_app.models import Migration

INVENTORY = writer.INVENTORY
MIGRATIONS = writer.MIGRATIONS
#: what everybody who sees everything may follow, and nobody else: the fragments name every host
LISTS = (INVENTORY, MIGRATIONS)
#: what people with a role for groups of hosts follow instead, "group:3"
GROUP = "group"
#: the word before the colon of a topic about one object; the object has to be visible
OBJECTS = ("guest", "migration", "host")
MOST_TOPICS = 32
#: who has more sees the others' changes when the page reads itself again, once a minute
MOST_GROUPS = 12
#: entries that a page may have missed; after more it reads itself again in any case
MOST_MISSED = 500

NOT_LOGGED_IN = 4401
NOT_ALLOWED = 4403
NOT_FOUND = 4404


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """`visible(user, what is after the colon)`: whether the user may see this object."""

    right: Right
    visible: Callable[[User, str], bool]


#: topics that only repeat entries of others, and those of apps above this one (registered in their `ready`), by the
#: word before the colon
REGISTERED: dict[str, Registered] = {
    GROUP: Registered(
        right=Right.SEE,
        visible=lambda user, name: bool(HostGroup.objects.visible_to(user).filter(pk=number(name)).exists()),
    )
}

_sessions = import_module(settings.SESSION_ENGINE).SessionStore


def refusal(user_pk: int | None, session_key: str | None, topics: Sequence[str]) -> int:
    """0 if this user is still logged in and may follow all of these topics, else the close code that says why not."""
    user = User.objects.filter(pk=user_pk, is_active=True).first() if user_pk is not None else None
    if user is None or not session_key or not _logged_in(user, session_key):
        return NOT_LOGGED_IN
    if not all(may(user, right) for right in {_right(topic) for topic in topics} or {Right.SEE}):
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


def _right(topic: str) -> Right:
    known = REGISTERED.get(topic.partition(":")[0])
    return known.right if known else Right.SEE


def _visible(user: User, topic: str) -> bool:
    kind, _, name = topic.partition(":")
    if topic in LISTS:
        return may(user, Right.SEE_EVERYTHING)
    if kind in REGISTERED:
        return REGISTERED[kind].visible(user, name)
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


def list_topics(user: Any) -> list[str]:
    """What pages with lists follow, so that they read themselves again."""
    if may(user, Right.SEE_EVERYTHING):
        return list(LISTS)
    return [writer.group_topic(pk) for pk in sorted(groups_of(user))[:MOST_GROUPS]]


def tells_of_moves(topic: str) -> bool:
    """Whether pages that follow it also get the progress of running migrations."""
    return topic == MIGRATIONS or topic.partition(":")[0] == GROUP


def all_list_topics() -> list[str]:
    """Of everybody."""
    return [*LISTS, *map(writer.group_topic, HostGroup.objects.values_list("pk", flat=True))]


def moving_topics(user_pk: int) -> list[str]:
    """The topics of the migrations that libvirt is running."""
    user = User.objects.get(pk=user_pk)
    rows = Migration.objects.visible_to(user).filter(state__in=IN_FLIGHT)
    return [writer.migration_topic(pk) for pk in rows.values_list("pk", flat=True)]


def names_others(user_pk: int, topic: str, fragments: Mapping[str, str]) -> bool:
    """Whether these fragments, which are the same for everybody, name hosts of other groups than the user's."""
    kind, _, name = topic.partition(":")
    if kind not in OBJECTS:
        return False
    hosts = Migration.objects.filter(pk=number(name)).values_list("source", "target").first() or ()
    return bool(veil_for(User.objects.get(pk=user_pk), *hosts)(fragments) != fragments)


def changed_since(topics: Sequence[str], entry: str) -> set[str]:
    """Those of `topics` that have journal entries newer than `entry`, the number the page was made with."""
    after = int(entry) if entry.isascii() and entry.isdecimal() and len(entry) <= 18 else 0
    rows = Entry.objects.filter(topic__in=topics, id__gt=after)
    found = set(rows.order_by().values_list("topic", flat=True).distinct())
    registered = {topic for topic in topics if topic.partition(":")[0] in REGISTERED}
    if registered - found:
        missed = list(Entry.objects.filter(id__gt=after).order_by("id")[: MOST_MISSED + 1])
        found |= registered if len(missed) > MOST_MISSED else registered & set(live.echoed(missed))
    return found
