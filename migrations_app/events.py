"""Live fragments of a migration. Rendered once per tick for everybody: nothing in them depends on who looks.

A page patches those it shows. When a state changes the page also reads itself again, told by the topic "migrations".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.template.loader import render_to_string

from kvmweb.journal.live import renders
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.pages.migration_page import pushed_values
from migrations_app.reading.journal import journal_of
from migrations_app.reading.migrations import followed
from migrations_app.words.course import marks

#: also parts of a list, and of the drawer in the bar of every page
_PLACES = ("row", "drawer")


@renders("migration")
def fragments(topic: str, entries: Sequence[Entry]) -> dict[str, str] | None:
    """The parts that `entries` change; all of them when there are none (the snapshot of a new socket)."""
    number = topic.partition(":")[2]
    migration = followed(int(number)) if number.isdecimal() else None
    if migration is None:
        return None
    values: dict[str, Any] = pushed_values(migration)
    first_lines = "outcome" if values["over"] else "sentence"
    parts = {name: f"migrations/_{name}.html" for name in ("title", first_lines)}
    if values["started"]:
        parts |= {name: f"migrations/_{name}.html" for name in ("percent", "numbers", "course")}
    if values["finish_words"]:
        parts["finish"] = "migrations/_finish.html"
    if not entries or any(entry.kind not in (EntryKind.PROGRESS, EntryKind.SIGNAL) for entry in entries):
        parts["journal"] = "migrations/_journal.html"
        values["journal"] = journal_of(migration)
        if values["started"]:
            parts["marks"] = "migrations/_marks.html"
            values["marks"] = marks(migration)
    made: dict[str, str] = {part: render_to_string(template, values) for part, template in parts.items()}
    for place in _PLACES:
        for name in ("percent", "progress"):
            made[f"{place}_{name}"] = render_to_string(f"migrations/_place_{name}.html", {**values, "place": place})
    return made
