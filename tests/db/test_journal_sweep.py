"""What the sweep forgets, and what it never touches."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.utils import timezone

from kvmweb.journal import sweep, writer
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.journal.thin import thinned

pytestmark = [pytest.mark.django_db, pytest.mark.dual]


def _age(hours: float) -> None:
    """As if all of them had been written so much earlier, half a second apart."""
    ended = timezone.now() - timedelta(hours=hours)
    rows = list(Entry.objects.order_by("id"))
    for number, row in enumerate(reversed(rows)):
        row.created = ended - timedelta(seconds=number / 2)
    Entry.objects.bulk_update(rows, ["created"], batch_size=500)


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
    assert sweep.PROGRESS_KEPT // 2 <= len(kept) <= sweep.PROGRESS_KEPT
    assert (kept[0], kept[-1]) == (0, 999)
    assert max(after - before for before, after in itertools.pairwise(kept)) <= 5
    assert len(_texts("migration:2")) == 150


def test_numbers_of_a_running_migration_are_not_touched() -> None:
    _progress("migration:1", 500)
    _age(5)
    _progress("migration:1", 1)
    sweep.sweep()
    assert len(_texts("migration:1")) == 501


def test_a_migration_of_hours_keeps_its_early_and_its_late_part() -> None:
    """Ten hours, two rows a second, swept once a minute, without the database."""
    began, rows = timezone.now(), []
    most = sweep.RUNNING_KEPT
    for number in range(10 * 3600 * 2):
        rows.append((number, began + timedelta(seconds=number / 2)))
        if number % 120 == 0 and len(rows) > 2 * most:
            kept = set(thinned(rows, most))
            rows = [row for row in rows if row[0] in kept]
    assert len(rows) <= 2 * most + 120
    ids = thinned(rows, 600)
    assert 300 <= len(ids) <= 600
    assert (ids[0], ids[-1]) == (0, 10 * 3600 * 2 - 1)
    assert max(after - before for before, after in itertools.pairwise(ids)) <= 3 * 10 * 3600 * 2 // len(ids)


def test_numbers_of_a_long_migration_are_thinned_while_it_runs() -> None:
    number = 2 * sweep.RUNNING_KEPT + 1
    _progress("migration:1", number)
    _age(0)
    sweep.sweep()
    kept = [int(text) for text in _texts("migration:1")]
    assert (kept[0], kept[-1]) == (0, number - 1)
    assert len(kept) <= sweep.RUNNING_KEPT


@pytest.mark.parametrize("times", [[0] * 10, [9, 8, 7, 0, 0, 1, 2, 3, 4, 5]])
def test_times_that_do_not_advance_are_no_trouble(times: list[int]) -> None:
    began = timezone.now()
    kept = thinned([(number, began + timedelta(seconds=at)) for number, at in enumerate(times)], 5)
    assert len(kept) <= 5
    assert (kept[0], kept[-1]) == (0, 9)


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
