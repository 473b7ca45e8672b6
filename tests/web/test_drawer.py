"""The drawer in the bar of every page: what migrates now, and what ended lately until it is dismissed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.reading import migrations as reading
from tests.web import seed
from tests.web.conftest import client_of

PAGE = "/hosts/"


def ended(client: Client, page: str = PAGE) -> list[str]:
    """Numbers of the migrations that the drawer has as ended, newest first."""
    return re.findall(r'data-ended="(\d+)"', client.get(page).content.decode())


def finish(migration: Migration, *, ago: timedelta, state: State = State.DONE) -> str:
    Migration.objects.filter(pk=migration.pk).update(state=state, finished_at=timezone.now() - ago)
    return str(migration.pk)


def test_it_keeps_the_last_outcomes_for_some_hours(scene: dict[str, Any], as_viewer: Client) -> None:
    Migration.objects.exclude(state__in=reading.TERMINAL).delete()
    for number, row in enumerate(Migration.objects.all()):
        finish(row, ago=timedelta(days=1, minutes=number))
    newest = finish(scene["done"], ago=timedelta(minutes=1))
    older = finish(scene["failed"], ago=timedelta(hours=2), state=State.FAILED)
    assert ended(as_viewer) == [newest, older]
    text = as_viewer.get(PAGE).content.decode()
    assert "idle-01 migrated to kvm-b." in text
    assert "The migration of build-07 failed." in text


def test_no_more_than_a_few_and_none_that_runs(scene: dict[str, Any], as_viewer: Client) -> None:
    shown = ended(as_viewer)
    assert len(shown) == reading.MOST_ENDED
    assert str(scene["running"].pk) not in shown


def test_dismissed_is_what_was_seen_in_this_session_only(scene: dict[str, Any], as_viewer: Client) -> None:
    until = Migration.objects.filter(state__in=reading.TERMINAL).latest("finished_at").finished_at
    assert until is not None
    Migration.objects.filter(pk=scene["failed"].pk).update(finished_at=until + timedelta(milliseconds=1))
    answer = as_viewer.post("/migrations/dismiss/", {"until": until.isoformat(), "next": "/hosts/?q=1"})
    assert (answer.status_code, answer["Location"]) == (302, "/hosts/?q=1")
    assert ended(as_viewer) == [str(scene["failed"].pk)]
    assert len(ended(client_of(scene["olga"]))) == reading.MOST_ENDED


def test_what_does_not_fit_dismisses_nothing_and_leads_nowhere_else(as_viewer: Client) -> None:
    before = ended(as_viewer)
    for until in ("", "yesterday", "2026-02-31T00:00:00+00:00", "2026-02-03T00:00:00"):
        answer = as_viewer.post("/migrations/dismiss/", {"until": until, "next": "https://evil.example/"})
        assert answer["Location"] == "/"
    assert ended(as_viewer) == before


def test_it_shows_only_what_the_viewer_may_see(scene: dict[str, Any], as_viewer: Client, monkeypatch: Any) -> None:
    """It is read with the page of each viewer, never pushed: a notice of an end is made of it."""
    secret = scene["done"]
    monkeypatch.setattr("hosts.models.host.visible", lambda rows, user: rows.exclude(pk=secret.pk))
    assert str(secret.pk) not in ended(as_viewer)
    stranger = client_of(seed.make_person("stan", None))
    monkeypatch.undo()
    assert ended(stranger) == []


def test_names_in_it_are_text(scene: dict[str, Any], as_viewer: Client) -> None:
    finish(scene["hurt"], ago=timedelta())
    text = as_viewer.get(PAGE).content.decode()
    assert seed.HOSTILE not in text
    assert "&lt;img src=x onerror=alert(1)&gt; migrated to kvm-b." in text
