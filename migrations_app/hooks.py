"""What apps above this one register in their `ready`: gates of a migration, and what follows from its course.

All run inside a transaction of this app and only use the database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from migrations_app.domain.gate import Gate, Go, Later, Refuse, Wait
from migrations_app.domain.lifecycle import State

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from hosts.models import Guest
    from migrations_app.models import Migration

#: asked each time a migration could begin
GATES: list[Callable[[Migration], Gate]] = []
#: asked before an admin closes a migration by hand, with the reason, and the reason not to wait for anybody ("" to
#: wait); None to go on
CLOSING: list[Callable[[Migration, User, str, str], Later | None]] = []
#: told of a new migration, with the reason not to wait for anybody ("" to wait)
REQUESTED: list[Callable[[Migration, User, str], None]] = []
#: told when a migration has its slot and begins, in the transaction that records it
BEGUN: list[Callable[[Migration], None]] = []
#: told when a migration begins to need a user, and when it goes on without one, in the transaction that records it
ATTENTION: list[Callable[[Migration], None]] = []
#: told when a migration has ended, in the transaction that ends it
ENDED: list[Callable[[Migration, State], None]] = []
#: told that operations want this VM, before their migration is recorded: what waits for it gives way
WANTED: list[Callable[[Guest, User], None]] = []


def gate(migration: Migration) -> Gate:
    """A refusal counts more than a wait, and the longest wait most."""
    said = [ask(migration) for ask in GATES]
    refusals = [one for one in said if isinstance(one, Refuse)]
    if refusals:
        return refusals[0]
    waits = [one for one in said if isinstance(one, Wait)]
    unknown = [one for one in waits if one.until is None]
    if unknown or not waits:
        return unknown[0] if unknown else Go()
    return max(waits, key=lambda one: one.until.timestamp() if one.until else 0.0)
