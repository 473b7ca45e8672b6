"""Why a use case refuses a request. The messages are shown to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated
from kvmweb.web.refused import FieldRefused
from migrations_app.words.badges import badge

if TYPE_CHECKING:
    from hosts.models import Guest, Host
    from migrations_app.models import Migration, RollbackCopy


class RequestRefused(FieldRefused):
    """The request cannot be fulfilled as it is."""


def stays_words(guest: Guest, here: Host) -> str:
    """Of a destination that is named although the method has none."""
    return f"With the method Storage {isolated(guest.name)} stays on {here}. Leave the destination out."


class AlreadyMoving(Exception):
    """The VM has an active migration: `running`."""

    def __init__(self, running: Migration) -> None:
        to = "to another pool" if running.kind_row.same_host else f"to {running.target}"
        super().__init__(f"{isolated(running.guest_name)} is already migrating {to}.")
        self.running = running


class KeyReused(Exception):
    """The idempotency key was used for another request: `first`."""

    def __init__(self, first: Migration) -> None:
        super().__init__("This idempotency key was used for another request.")
        self.first = first


class TooLate(Exception):
    """The migration has ended; there is nothing to cancel."""

    def __init__(self, migration: Migration) -> None:
        super().__init__(f"This migration has already ended: {badge(migration).label.lower()}.")
        self.migration = migration


class NotOffered(Exception):
    """This order cannot be given to the migration now."""

    def __init__(self, migration: Migration, why: str) -> None:
        super().__init__(why)
        self.migration = migration


class NothingToClose(Exception):
    """Only a migration that needs attention can be closed by a user."""

    def __init__(self, migration: Migration) -> None:
        super().__init__(
            f"Only a migration that needs attention can be closed; this one is: {badge(migration).label.lower()}."
        )
        self.migration = migration


class PolicyStays(Exception):
    """The policy cannot be removed."""


class CopyStays(Exception):
    """The rollback copy cannot be deleted now."""

    def __init__(self, copy: RollbackCopy, why: str) -> None:
        super().__init__(why)
        self.copy = copy
