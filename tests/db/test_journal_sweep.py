"""What the sweep forgets, and what it never touches."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.utils import timezone

from kvmweb.journal import sweep, writer
from kvmweb.journal.models import Entry, EntryKind

pytestmark = [pytest.mark.django_db, pytest.mark.dual]


def _age(hours: float) -> None:
    Entry.objects.update(created=timezone.now() - timedelta(hours=hours))


def _progress(topic: str, number: int) -> None:
    Entry.objects.bulk_create([Entry(topic=topic, kind=EntryKind.PROGRESS, text=str(place)) for place in range(number)])


def _texts(topic: str) -> list[str]:
    return list(
        Entry.objects.filter(topic=topic, kind=EntryKind.PROGRESS).order_by("id").values_list("text", flat=True)
    )


def test_old_signals_go_young_ones_stay() -> None:
    for _ in range(sweep.BATCH + 3):
        writer.signal("inventory")
    _age(2)
    writer.signal("inventory")
    sweep.sweep()
    assert Entry.objects.count() == 1


def test_what_people_did_stays_for_ever(operator: object) -> None:
    for kind in (EntryKind.STATE, EntryKind.NOTE, EntryKind.ACTION):
        writer.write("migration:1", kind, "kept")
    _age(100_000)
    sweep.sweep()
    assert Entry.objects.count() == 3


def test_numbers_of_an_ended_migration_are_thinned_evenly() -> None:
    _progress("migration:1", 1000)
    _progress("migration:2", 150)
    _age(2)
    sweep.sweep()
    kept = [int(text) for text in _texts("migration:1")]
    assert len(kept) == sweep.PROGRESS_KEPT
    assert (kept[0], kept[-1]) == (0, 999)
    assert max(after - before for before, after in itertools.pairwise(kept)) <= 6
    assert len(_texts("migration:2")) == 150


def test_numbers_of_a_running_migration_are_not_touched() -> None:
    _progress("migration:1", 300)
    _age(5)
    _progress("migration:1", 1)
    sweep.sweep()
    assert len(_texts("migration:1")) == 301


def test_a_second_sweep_changes_nothing() -> None:
    _progress("migration:1", 1000)
    _age(2)
    sweep.sweep()
    kept = _texts("migration:1")
    sweep.sweep()
    assert _texts("migration:1") == kept


def test_the_hook_looks_at_everything_first_then_at_what_is_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bool] = []
    clock = [1000.0]
    monkeypatch.setattr(sweep, "_last", None)
    monkeypatch.setattr(sweep, "sweep", lambda *, everything: looks.append(everything))
    monkeypatch.setattr(sweep.time, "monotonic", lambda: clock[0])
    for now in (1000.0, 1001.0, 1059.0, 1060.0, 1061.0, 1125.0):
        clock[0] = now
        sweep.hook()
    assert looks == [True, False, False]


def test_what_ended_long_ago_is_not_read_again() -> None:
    _progress("migration:1", 300)
    _age(24)
    sweep.sweep(everything=False)
    assert len(_texts("migration:1")) == 300
