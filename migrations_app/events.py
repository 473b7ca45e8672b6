"""Live fragments of a migration. Rendered once per tick for everybody: nothing in them depends on who looks.

A page patches those it shows. When a state changes the page also reads itself again, told by the topic "migrations".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.template.loader import render_to_string

from hosts.models import HostGroup
from hosts.reading.groups import groups_by_guest, groups_by_host
from kvmweb.journal import writer
from kvmweb.journal.live import echoes, renders
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.models import Migration
from migrations_app.pages.migration_page import pushed_values
from migrations_app.reading.follow import LISTS
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
        if migration.taken_out:
            parts["taken_out"] = "migrations/_taken_out.html"
        if values["started"]:
            parts["marks"] = "migrations/_marks.html"
            values["marks"] = marks(migration)
    made: dict[str, str] = {part: render_to_string(template, values) for part, template in parts.items()}
    for place in _PLACES:
        for name in ("percent", "progress"):
            made[f"{place}_{name}"] = render_to_string(f"migrations/_place_{name}.html", {**values, "place": place})
    return made


@echoes
def for_groups(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """What tells pages with lists that they have changed, also for people with a role for groups of hosts."""
    told: dict[str, list[Entry]] = defaultdict(list)
    lists = [entry for entry in entries if entry.topic in LISTS]
    every = set(HostGroup.objects.values_list("pk", flat=True)) if lists else set()
    if not every:
        return told
    hosts = groups_by_host()
    guests = groups_by_guest(UUID(uuid) for entry in lists for uuid in entry.body.get("guests", ()))
    sides = Migration.objects.filter(pk__in=[entry.body.get("migration") for entry in lists])
    moves = {pk: (source, target) for pk, source, target in sides.values_list("pk", "source", "target")}
    for entry in lists:
        body = entry.body
        found = [hosts.get(pk) for pk in (*body.get("hosts", ()), *moves.get(body.get("migration"), ()))]
        found += [guests.get(UUID(uuid)) for uuid in body.get("guests", ())]
        # what was removed may have belonged to any of them, and an entry that names nothing is about all
        unknown = None in found or not (found or "migration" in body)
        for group in every if unknown else _all(found, body.get("groups", ())):
            told[writer.group_topic(group)].append(entry)
    return told


def _all(found: Iterable[set[int] | None], more: Iterable[int]) -> set[int]:
    return set(more).union(*filter(None, found))
