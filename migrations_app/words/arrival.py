"""The tests of a VM that has arrived, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from kvmweb.web.back import MARK
from migrations_app.domain.arrival import Result, Sign
from migrations_app.domain.option import Place, Type
from migrations_app.domain.option_table import OPTIONS

if TYPE_CHECKING:
    from migrations_app.models import Migration

LABELS = {
    Sign.AGENT: "Guest agent",
    Sign.CPU: "CPUs",
    Sign.ADDRESS: "Address",
    Sign.CLOCK: "Clock",
}
#: what was said for the way there, and means something else on the way back
_ONE_WAY = ("new_name", "disks", "migration_address", "listen_address", "tls_name", "start_after", "keep_paused")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalPart:
    """On the page of a migration that is done. `rows`: (label, result, text)."""

    rows: list[tuple[str, str, str]]
    failed: bool
    has_agent: bool
    #: the query of the migrate page for the way back
    back: str


def arrival_part(migration: Migration) -> ArrivalPart | None:
    if not migration.arrival:
        return None
    return ArrivalPart(
        rows=[(LABELS[Sign(one["test"])], one["result"], one["text"]) for one in migration.arrival],
        failed=any(one["result"] == Result.FAILED for one in migration.arrival),
        has_agent=any(one["test"] == Sign.AGENT for one in migration.arrival),
        back=back_query(migration),
    )


def back_query(migration: Migration) -> str:
    """The same method and options towards the host it came from; it has a preflight check of its own."""
    given = migration.request.options
    chosen: list[tuple[str, str]] = [(MARK, "back"), ("target", str(migration.source_id))]
    if not migration.kind_row.off:
        chosen.append(("kind", migration.kind))
    for option in OPTIONS:
        value = given[option.name]
        if option.name in _ONE_WAY or option.place in (Place.DANGER, Place.NOWHERE) or value in (None, False, ""):
            continue
        if option.type is Type.BOOLEAN:
            chosen.append((option.name, "on"))
        elif option.type is Type.DISKS:
            disks = value if isinstance(value, list | tuple) else migration.copied_disks or []
            chosen += [(option.name, str(disk)) for disk in disks]
        else:
            chosen.append((option.name, str(value)))
    return urlencode(chosen)
