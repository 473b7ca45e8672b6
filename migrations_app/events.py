"""Live fragments of a migration. Rendered once per tick for everybody: nothing in them depends on who looks.

A page patches those it shows. Numbers are pushed; when a state changes the page reads itself again, told by the
topic "migrations".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.template.loader import render_to_string

from kvmweb.journal.live import renders
from kvmweb.journal.models import Entry, Kind
from migrations_app import words
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.models import Migration
from migrations_app.usecases import queries

_NUMBERS = ("migrations/_title.html", "migrations/_percent.html", "migrations/_numbers.html")


@renders("migration")
def fragments(topic: str, entries: Sequence[Entry]) -> str | None:
    """The fragments that `entries` change; all of them when there are none (the snapshot of a new socket)."""
    number = topic.partition(":")[2]
    rows = Migration.objects.select_related("source", "target").defer("source_xml", "findings")
    migration = rows.filter(pk=number).first() if number.isdecimal() else None
    if migration is None:
        return None
    values = {
        "migration": migration,
        "progress": migration.progress,
        "oob": True,
    }
    parts: list[str] = [render_to_string(template, values) for template in _NUMBERS]
    parts += _first_lines(migration, values)
    for place in ("row", "drawer"):
        parts += [render_to_string(f"parts/{name}.html", {**values, "id": place}) for name in ("percent", "progress")]
    if not entries or any(entry.kind != Kind.PROGRESS for entry in entries):
        journal = queries.journal_of(migration)
        parts.append(render_to_string("migrations/_journal.html", {**values, "journal": journal}))
    return "\n".join(parts)


def _first_lines(migration: Migration, values: dict[str, Any]) -> list[str]:
    """What both hosts say may change while the state does not, and the page is not told to read itself again then."""
    if migration.state in IN_FLIGHT:
        first = words.headline(migration)
        lines = {"second_line": words.second_line(migration, first), "consequence": words.cancel_words(migration)[1]}
        return [render_to_string("migrations/_sentence.html", {**values, "first_line": first, **lines})]
    if migration.state == State.NEEDS_ATTENTION:
        sighting = queries.sighting_of(migration)
        first = words.headline(migration, sighting)
        seen = {"second_line": words.second_line(migration, first), "sighting": sighting}
        return [render_to_string("migrations/_outcome.html", {**values, "first_line": first, **seen})]
    return []
