"""The only way to write the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kvmweb.journal.models import Entry, EntryKind

if TYPE_CHECKING:
    from django.contrib.auth.models import User

INVENTORY = "inventory"
MIGRATIONS = "migrations"
LOGINS = "logins"
POLICIES = "policies"
STORAGES = "storages"
APPROVALS = "approvals"
SUPPORT = "support"
WINDOWS = "windows"
PROBING = "probing"


def migration_topic(pk: int) -> str:
    return f"migration:{pk}"


def host_topic(pk: int) -> str:
    return f"host:{pk}"


def guest_topic(uuid: str) -> str:
    return f"guest:{uuid}"


def person_topic(pk: int) -> str:
    return f"person:{pk}"


def group_topic(pk: int) -> str:
    """Of hosts. It has no entries of its own: it repeats what lists are told of these hosts."""
    return f"group:{pk}"


def team_topic(pk: int) -> str:
    return f"team:{pk}"


def request_topic(pk: int) -> str:
    return f"request:{pk}"


def write(
    topic: str,
    kind: EntryKind,
    text: str = "",
    *,
    body: dict[str, Any] | None = None,
    actor: User | None = None,
    reason: str = "",
) -> Entry:
    """Append one entry in the caller's transaction, so that a change and its entry commit together."""
    return Entry.objects.create(
        topic=topic,
        kind=kind,
        text=text,
        body=body or {},
        actor=actor,
        actor_name=actor.get_username() if actor else "",
        reason=reason,
    )


def signal(topic: str, **body: Any) -> None:
    """Tell open pages that what they show under `topic` has changed; they read it again."""
    write(topic, EntryKind.SIGNAL, body=body)
