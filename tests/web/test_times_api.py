"""Windows, blackouts, terms of VMs and the go-ahead in the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from hosts.usecases import teams as owning
from kvmweb.accounts import teams
from kvmweb.journal.models import Entry
from migrations_app.domain.lifecycle import State
from portal.models import Delay, Request, Terms, Window
from tests.web import seed
from tests.web.api_client import Api

pytestmark = pytest.mark.django_db
NIGHT = {"name": "night", "rule": "FREQ=DAILY;BYHOUR=1", "time_zone": "Europe/Berlin", "minutes": 90}


def fields(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.content
    return [error["field"] for error in answer.json()["errors"]]


@pytest.fixture
def admin(scene: dict[str, Any]) -> Api:
    return Api(scene["admin"])


@pytest.fixture
def shop(scene: dict[str, Any]) -> Any:
    team = owning.create_team("Shop", by=scene["admin"])
    for name, role in (("mia", "member"), ("lea", "lead")):
        scene[name] = seed.make_person(name, None)
        teams.set_member(team, scene[name], role, by=scene["admin"])
    owning.give_guest(team, scene["db"], by=scene["admin"])
    return team


# --- windows ------------------------------------------------------------------------------------------------------------


def test_a_window_is_made_changed_and_removed(admin: Api, scene: dict[str, Any], shop: Any) -> None:
    answer = admin.post("/windows", {**NIGHT, "reason": "backups"})
    assert answer.status_code == 201
    assert answer["Location"] == "/api/v1/windows/night"
    body = answer.json()
    assert {name: body[name] for name in (*NIGHT, "team")} == {**NIGHT, "team": None}
    assert len(body["next"]) == 3
    entry = Entry.objects.get(topic="windows")
    assert (entry.text, entry.reason) == ("ada made the window night", "backups")
    assert Api(scene["viewer"]).items("/windows") == [body] == [admin.get("/windows/night").json()]
    changed = admin.patch("/windows/night", {"team": shop.pk, "minutes": 30}).json()
    assert (changed["team"], changed["minutes"], changed["rule"]) == (shop.pk, 30, NIGHT["rule"])
    assert admin.patch("/windows/night", {"team": None}).json()["team"] is None
    assert admin.delete("/windows/night").status_code == 204
    assert admin.delete("/windows/night").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "FREQ=SECONDLY"},
        {"rule": "FREQ=DAILY;COUNT=1000000000"},
        {"rule": "FREQ=DAILY;UNTIL=99991231T000000Z"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"minutes": 0},
        {"minutes": 10**9},
        {"name": "a/b"},
        {"name": " "},
        {"team": 999_999},
    ],
)
def test_a_window_that_cannot_be(admin: Api, wrong: dict[str, Any]) -> None:
    assert fields(admin.post("/windows", {**NIGHT, **wrong})) == list(wrong)
    admin.post("/windows", NIGHT)
    assert fields(admin.patch("/windows/night", wrong)) == list(wrong)
    assert Window.objects.count() == 1


def test_a_name_is_used_once(admin: Api) -> None:
    admin.post("/windows", NIGHT)
    assert fields(admin.post("/windows", NIGHT)) == ["name"]


def test_requests_that_wait_are_looked_at_when_a_window_changes(admin: Api, scene: dict[str, Any], shop: Any) -> None:
    row = seed.make_request(scene["db"], shop, by=scene["mia"])
    later = timezone.now() + timedelta(hours=9)
    Request.objects.filter(pk=row.pk).update(state="waiting_window", look_at=later)
    admin.post("/windows", NIGHT)
    row.refresh_from_db()
    assert row.look_at is not None
    assert row.look_at <= timezone.now()


# --- blackouts ----------------------------------------------------------------------------------------------------------


def test_a_blackout_is_made_and_removed(admin: Api, scene: dict[str, Any]) -> None:
    begins = timezone.now() + timedelta(days=1)
    wanted = {"name": "year end", "begins": begins.isoformat(), "ends": (begins + timedelta(days=9)).isoformat()}
    made = admin.post("/blackouts", wanted)
    assert made.status_code == 201
    assert Api(scene["viewer"]).items("/blackouts") == [made.json()]
    assert made.json()["team"] is None
    assert fields(admin.post("/blackouts", {**wanted, "ends": wanted["begins"]})) == ["ends"]
    assert fields(admin.post("/blackouts", {**wanted, "ends": "9999-12-31T23:59:59-12:00"})) == ["ends"]
    assert fields(admin.post("/blackouts", {**wanted, "begins": "0001-01-01T00:00:00+14:00"})) == ["begins"]
    assert admin.delete(f"/blackouts/{made.json()['id']}").status_code == 204
    assert admin.items("/blackouts") == []


# --- terms --------------------------------------------------------------------------------------------------------------

WANTED = {"quiet_hours": "22:00-06:00", "time_zone": "Europe/Berlin", "downtime_ms": 300, "veto_hours": 4}
NOTHING = {"quiet_hours": "", "time_zone": "UTC", "downtime_ms": None, "veto_hours": 0}


def test_a_lead_sets_and_a_member_reads(scene: dict[str, Any], shop: Any) -> None:
    address = f"/portal/guests/{scene['db'].pk}/terms"
    mia, lea = Api(scene["mia"]), Api(scene["lea"])
    about = {"guest": str(scene["db"].pk), "delay": None}
    assert mia.get(address).json() == {**NOTHING, **about}
    assert lea.put(address, WANTED).json() == {**WANTED, **about}
    assert mia.get(address).json() == {**WANTED, **about}
    assert mia.put(address, WANTED).status_code == 403
    assert Api(scene["viewer"]).put(address, WANTED).status_code == 403
    assert Api(scene["olga"]).put(address, {}).json() == {**NOTHING, **about}
    assert Entry.objects.filter(topic=f"guest:{scene['db'].pk}", kind="action", actor_name="lea").count() == 1
    foreign = f"/portal/guests/{scene['web'].pk}/terms"
    assert lea.get(foreign).status_code == lea.put(foreign, WANTED).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"quiet_hours": "8-18"}, {"time_zone": "x"}, {"downtime_ms": -1}, {"veto_hours": 25}, {"veto_hours": -1}]
)
def test_terms_that_cannot_be(scene: dict[str, Any], shop: Any, wrong: dict[str, Any]) -> None:
    answer = Api(scene["lea"]).put(f"/portal/guests/{scene['db'].pk}/terms", {**WANTED, **wrong})
    assert fields(answer) == list(wrong)
    assert not Terms.objects.exists()


# --- the go-ahead -------------------------------------------------------------------------------------------------------


def test_somebody_of_the_team_lets_it_go(scene: dict[str, Any], shop: Any) -> None:
    address = f"/portal/guests/{scene['db'].pk}"
    mia, move = Api(scene["mia"]), scene["queued"]
    assert mia.post(f"{address}/go-ahead").status_code == 409
    Delay.objects.create(migration=move, until=timezone.now() + timedelta(hours=2))
    assert mia.get(f"{address}/terms").json()["delay"]["released_at"] is None
    assert Api(scene["olga"]).post(f"{address}/go-ahead").status_code == 403
    answer = mia.post(f"{address}/go-ahead")
    assert answer.status_code == 200
    assert answer.json()["released_by"] == "mia"
    assert "kvm-" not in answer.content.decode()
    assert OrmQ.objects.filter(key="migrations").count() == 1
    assert Entry.objects.get(topic=move.topic, actor_name="mia").text.startswith("mia let the migration go")
    assert mia.post(f"{address}/go-ahead").status_code == 409
    assert mia.get(f"{address}/terms").json()["delay"] is None


def test_a_delay_that_is_over_or_of_another_migration(scene: dict[str, Any], shop: Any) -> None:
    address, mia = f"/portal/guests/{scene['db'].pk}/go-ahead", Api(scene["mia"])
    delay = Delay.objects.create(migration=scene["queued"], until=timezone.now())
    assert mia.post(address).status_code == 409
    Delay.objects.filter(pk=delay.pk).update(until=timezone.now() + timedelta(hours=1))
    type(scene["queued"]).objects.filter(pk=scene["queued"].pk).update(state=State.CANCELLED)
    assert mia.post(address).status_code == 409
