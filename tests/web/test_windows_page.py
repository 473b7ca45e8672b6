"""Pages of windows and blackouts for admins, and what teams see of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from hosts.usecases import teams as owning
from kvmweb.accounts import teams
from portal.models import Blackout, Delay, Terms, Window
from tests.web import seed
from tests.web.conftest import client_of

pytestmark = pytest.mark.django_db
NIGHT = {"name": "night", "rule": "FREQ=DAILY;BYHOUR=1", "time_zone": "Europe/Berlin", "minutes": "90", "team": ""}


@pytest.fixture
def admin(scene: dict[str, Any]) -> Client:
    return client_of(scene["admin"])


@pytest.fixture
def own(scene: dict[str, Any]) -> dict[str, Any]:
    """A lead and a member whose team has db-01."""
    team = owning.create_team("Shop", by=scene["admin"])
    clients = {}
    for name, role in (("mia", "member"), ("lea", "lead")):
        person = seed.make_person(name, None)
        teams.set_member(team, person, role, by=scene["admin"])
        clients[name] = client_of(person)
    owning.give_guest(team, scene["db"], by=scene["admin"])
    return {**clients, "address": f"/portal/vms/{scene['db'].pk}/"}


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_nothing_yet(admin: Client) -> None:
    text = text_of(admin.get("/windows/"))
    assert "No window: requests of teams may run at any time." in text
    assert "No blackout." in text


def test_a_window_is_added_changed_and_removed(admin: Client) -> None:
    assert admin.get("/windows/add/").status_code == 200
    wrong = admin.post("/windows/add/", {**NIGHT, "rule": "FREQ=SECONDLY"})
    assert wrong.status_code == 422
    assert "FREQ cannot be read." in text_of(wrong)
    assert admin.post("/windows/add/", NIGHT)["Location"] == "/windows/"
    row = Window.objects.get()
    text = text_of(admin.get("/windows/"))
    assert "FREQ=DAILY;BYHOUR=1" in text
    assert text.count("<time datetime=") == 6
    assert text.count(" 01:00</time> to") == 3
    admin.post(f"/windows/{row.pk}/", {**NIGHT, "minutes": "30"})
    row.refresh_from_db()
    assert row.minutes == 30
    assert "Remove night" in text_of(admin.get(f"/windows/{row.pk}/"))
    admin.post(f"/windows/{row.pk}/remove/", {"reason": "not needed"})
    assert not Window.objects.exists()


def test_a_blackout_is_added_and_removed(admin: Client) -> None:
    year = timezone.now().year + 1
    wanted = {"name": "year end", "team": "", "time_zone": "Europe/Berlin"}
    wanted |= {"begins": f"{year}-12-20T01:00", "ends": f"{year}-12-31T01:00"}
    assert admin.post("/windows/blackouts/add/", {**wanted, "ends": "soon"}).status_code == 422
    assert admin.post("/windows/blackouts/add/", {**wanted, "ends": wanted["begins"]}).status_code == 422
    assert admin.post("/windows/blackouts/add/", wanted)["Location"] == "/windows/"
    row = Blackout.objects.get()
    assert row.begins.hour == 0
    assert f"{year}-12-20 00:00 to {year}-12-31 00:00 UTC" in text_of(admin.get("/windows/"))
    assert "Remove year end" in text_of(admin.get(f"/windows/blackouts/{row.pk}/"))
    admin.post(f"/windows/blackouts/{row.pk}/", {})
    assert not Blackout.objects.exists()


def test_a_rule_that_cannot_be_read_any_more_is_said(admin: Client) -> None:
    Window.objects.create(name="old", rule="FREQ=SECONDLY", minutes=5)
    assert "This rule cannot be read: nothing starts." in text_of(admin.get("/windows/"))


def test_a_lead_changes_the_terms_and_a_member_reads_them(own: dict[str, Any]) -> None:
    address = f"{own['address']}terms/"
    wanted = {"quiet_hours": "22:00-06:00", "time_zone": "Europe/Berlin", "downtime_ms": "", "veto_hours": "4"}
    assert own["lea"].post(address, {**wanted, "quiet_hours": "night"}).status_code == 422
    assert own["lea"].post(address, wanted)["Location"] == own["address"]
    assert (Terms.objects.get().veto_hours, Terms.objects.get().downtime_ms) == (4, None)
    text = text_of(own["mia"].get(address))
    assert "22:00-06:00 Europe/Berlin" in text
    assert "terms-form" not in text
    assert own["mia"].post(address, wanted).status_code == 403


def test_the_go_ahead(own: dict[str, Any], scene: dict[str, Any]) -> None:
    assert "Let it begin now" not in text_of(own["mia"].get(own["address"]))
    Delay.objects.create(migration=scene["queued"], until=timezone.now() + timedelta(hours=2))
    text = text_of(own["mia"].get(own["address"]))
    assert "The migration waits for your team until" in text
    assert "Let it begin now" in text
    own["mia"].post(f"{own['address']}go-ahead/")
    assert Delay.objects.get().released_by_name == "mia"
    assert "Let it begin now" not in text_of(own["mia"].get(own["address"]))
