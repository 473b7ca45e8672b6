"""Pages of windows and blackouts for admins, and what teams see of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from hosts.usecases import teams as owning
from kvmweb.accounts import teams
from kvmweb.accounts.models import Ownership, Team
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
    assert "Every day at 01:00 for 1 h 30 min, Europe/Berlin time. For all teams." in text
    assert text.count("<relative-time") >= 3
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
    text = text_of(admin.get("/windows/"))
    assert f"{year}-12-20 00:00 UTC" in text
    assert f"{year}-12-31 00:00 UTC" in text
    assert "Remove year end" in text_of(admin.get(f"/windows/blackouts/{row.pk}/"))
    admin.post(f"/windows/blackouts/{row.pk}/", {})
    assert not Blackout.objects.exists()


def test_a_rule_that_cannot_be_read_any_more_is_said(admin: Client) -> None:
    Window.objects.create(name="old", rule="FREQ=SECONDLY", minutes=5)
    assert "This rule or time zone cannot be read: nothing starts." in text_of(admin.get("/windows/"))


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


@pytest.mark.parametrize(
    ("days", "rule", "said"),
    [
        (["SU", "SA"], "FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=1;BYMINUTE=30", "Saturday and Sunday at 01:30"),
        (["MO", "TU", "WE", "TH", "FR", "SA", "SU"], "FREQ=DAILY;BYHOUR=1;BYMINUTE=30", "Every day at 01:30"),
    ],
)
def test_a_window_of_days_and_a_time(admin: Client, days: list[str], rule: str, said: str) -> None:
    assert admin.post("/windows/add/", {**NIGHT, "rule": "", "days": days, "begins": "01:30"}).status_code == 302
    assert Window.objects.get().rule == rule
    assert said in text_of(admin.get("/windows/"))
    form = text_of(admin.get(f"/windows/{Window.objects.get().pk}/"))
    assert form.count(" checked") == len(days)
    assert 'value="01:30"' in form


def test_a_rule_that_says_more_stays_one(admin: Client) -> None:
    rule = "FREQ=MONTHLY;BYDAY=1SU;BYHOUR=1"
    admin.post("/windows/add/", {**NIGHT, "rule": rule})
    assert rule in text_of(admin.get("/windows/"))
    form = text_of(admin.get(f"/windows/{Window.objects.get().pk}/"))
    assert f'value="{rule}"' in form
    assert " checked" not in form


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"begins": "01:00"}, "Choose a day, or enter a rule."),
        ({"days": ["MO"]}, "Enter a time, such as 01:00."),
        ({"days": ["MO"], "begins": "25:00"}, "Enter a time, such as 01:00."),
        ({"days": ["MO"], "begins": "01:00", "rule": "FREQ=DAILY"}, "Either days and a time or a rule"),
        ({"days": ["XX"], "begins": "01:00"}, "Select a valid choice"),
    ],
)
def test_when_a_window_cannot_open(admin: Client, wrong: dict[str, Any], said: str) -> None:
    answer = admin.post("/windows/add/", {**NIGHT, "rule": "", **wrong})
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not Window.objects.exists()


def test_operators_set_terms_too_and_members_do_not(scene: dict[str, Any], own: dict[str, Any]) -> None:
    wanted = {"quiet_hours": "22:00-06:00", "time_zone": "Europe/Berlin", "downtime_ms": "", "veto_hours": "4"}
    address = f"{own['address']}terms/"
    assert own["mia"].post(address, wanted).status_code == 403
    assert client_of(scene["viewer"]).post(address, wanted).status_code == 403
    assert not Terms.objects.exists()
    assert client_of(scene["olga"]).post(address, wanted)["Location"] == f"/vms/{scene['db'].pk}/"
    assert Terms.objects.get().quiet_hours == "22:00-06:00"
    assert "22:00-06:00" in text_of(client_of(scene["viewer"]).get(address))


def test_operators_see_what_a_team_wants_where_they_look(scene: dict[str, Any]) -> None:
    """On the page of the VM, which belongs to the app below."""
    guest, team = scene["idle"], Team.objects.create(name="Shop")
    page = f"/vms/{guest.pk}/"
    assert "What its team wants" not in text_of(client_of(scene["olga"]).get(page))
    Ownership.objects.create(guest=guest.pk, team=team)
    Terms.objects.create(guest=guest, quiet_hours="08:00-18:00", veto_hours=4)
    text = text_of(client_of(scene["olga"]).get(page))
    assert "What its team wants" in text
    assert "08:00-18:00 UTC" in text
    assert "<dd>4 h</dd>" in text
