"""Requests and quotas of teams over the API: what is asked, who may, what is refused, and that no host is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from hosts.models import HostGroup
from hosts.usecases import teams as usecases
from kvmweb.accounts import teams
from kvmweb.accounts.permissions import Role
from kvmweb.journal.models import Entry
from migrations_app.domain.gate import Lane
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from portal import ledger
from portal.domain.states import RequestState
from portal.models import Request, Storage
from portal.usecases import ask as asking
from tests.web import seed
from tests.web.api_client import Api, check_problem, fields

HOSTS = ("kvm-a", "kvm-b", "192.0.2.", "/testvms")


@pytest.fixture
def shop(scene: dict[str, Any]) -> dict[str, Any]:
    admin = scene["admin"]
    team = usecases.create_team("Shop", by=admin)
    people = {name: seed.make_person(name, None) for name in ("mia", "max", "lea")}
    for name, person in people.items():
        teams.set_member(team, person, "lead" if name == "lea" else "member", by=admin)
    for guest in (scene["web"], scene["db"]):
        usecases.give_guest(team, guest, by=admin)
    Migration.objects.active().filter(guest__in=[scene["web"], scene["db"]]).update(state=State.CANCELLED)
    HostGroup.objects.create(name="racks 4 to 6", site="Site north").hosts.set([scene["b"]])
    HostGroup.objects.create(name="racks 1 to 3", site="Site south").hosts.set([scene["a"]])
    Storage.objects.create(name="fast", pool="testvms")
    return {**scene, **people, "team": team}


def away(shop: dict[str, Any], guest: str = "web", **more: Any) -> dict[str, Any]:
    return {"guest": str(shop[guest].pk), "wish": "away", **more}


def test_a_member_asks_and_reads_it_again(shop: dict[str, Any]) -> None:
    api = Api(shop["mia"])
    made = api.post("/portal/requests", away(shop, reason="disk noise"))
    assert made.status_code == 201
    body = made.json()
    assert (body["state"], body["by"], body["reason"], body["wish"]) == ("queued", "mia", "disk noise", "away")
    assert (body["approval"], body["migration"], body["forecast"], body["plan"], body["choice"]) == (None,) * 5
    assert body["text"] == "A destination is being chosen."
    assert made["Location"] == f"/api/v1/portal/requests/{body['id']}"
    assert api.get(f"/portal/requests/{body['id']}").json() == body
    assert api.items("/portal/requests") == [body]
    assert api.items("/portal/requests", open="false") == []
    told = Entry.objects.get(topic=f"request:{body['id']}")
    assert (told.text, told.reason) == ("mia asked that web-01 migrates to another host.", "disk noise")


def test_nobody_asks_for_a_host(shop: dict[str, Any]) -> None:
    api = Api(shop["mia"])
    assert fields(api.post("/portal/requests", away(shop, target="kvm-b"))) == ["target"]
    assert fields(api.post("/portal/requests", away(shop, value="kvm-b"))) == ["value"]
    assert not Request.objects.exists()


def test_a_vm_of_others_does_not_exist_and_operators_do_not_ask(shop: dict[str, Any]) -> None:
    other = {"guest": str(shop["idle"].pk), "wish": "away"}
    assert Api(shop["mia"]).post("/portal/requests", other).status_code == 404
    assert Api(shop["mia"]).post("/portal/requests", {**other, "guest": str(uuid4())}).status_code == 404
    for person in ("olga", "viewer"):
        assert Api(shop[person]).post("/portal/requests", away(shop)).status_code == 403
    alone = seed.make_person("alone", Role.MEMBER)
    assert Api(alone).post("/portal/requests", away(shop)).status_code == 403


def test_one_open_request_per_vm(shop: dict[str, Any]) -> None:
    first = Api(shop["mia"]).post("/portal/requests", away(shop)).json()
    again = Api(shop["max"]).post("/portal/requests", away(shop))
    assert again.status_code == 409
    assert check_problem(again)["open"] == {"id": first["id"], "state": "queued"}
    ledger.change(first["id"], [RequestState.QUEUED], RequestState.FAILED, "No other host can take this VM now.")
    assert Api(shop["max"]).post("/portal/requests", away(shop)).status_code == 201


def test_the_same_key_is_the_same_request(shop: dict[str, Any]) -> None:
    api, until = Api(shop["mia"]), (timezone.now() + timedelta(hours=5)).isoformat()
    first = api.post("/portal/requests", away(shop, idempotency_key="k1", not_after=until))
    again = api.post("/portal/requests", away(shop, idempotency_key="k1", not_after=until))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    other = api.post("/portal/requests", away(shop, "db", idempotency_key="k1", not_after=until))
    assert fields(other) == ["idempotency_key"]
    assert other.json()["first"] == first.json()["id"]
    assert Api(shop["max"]).post("/portal/requests", away(shop, "db", idempotency_key="k1")).status_code == 201


@pytest.mark.parametrize(
    ("hours", "wrong"),
    [
        ({"not_after": -1}, "not_after"),
        ({"not_before": 5, "not_after": 4}, "not_after"),
        ({"not_before": 24 * 400}, "not_before"),
    ],
)
def test_times_that_cannot_be_kept(shop: dict[str, Any], hours: dict[str, int], wrong: str) -> None:
    times = {name: (timezone.now() + timedelta(hours=number)).isoformat() for name, number in hours.items()}
    assert fields(Api(shop["mia"]).post("/portal/requests", away(shop, **times))) == [wrong]


@pytest.mark.parametrize(
    "time", ["2026-12-24T10:00:00", "soon", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:00"]
)
def test_odd_times_are_refused(shop: dict[str, Any], time: str) -> None:
    assert fields(Api(shop["mia"]).post("/portal/requests", away(shop, not_after=time))) == ["not_after"]


def test_sites_and_storage_by_the_names_an_admin_chose(shop: dict[str, Any]) -> None:
    api, guest = Api(shop["mia"]), str(shop["web"].pk)
    for wish, value in (
        ("site", "Site east"),
        ("site", ""),
        ("site", "racks 4 to 6"),
        ("site", "Site south"),
        ("storage", "testvms"),
        ("storage", None),
    ):
        assert fields(api.post("/portal/requests", {"guest": guest, "wish": wish, "value": value})) == ["value"]
    made = api.post("/portal/requests", {"guest": guest, "wish": "site", "value": "Site north"})
    assert (made.status_code, made.json()["value"]) == (201, "Site north")
    db = {"guest": str(shop["db"].pk), "wish": "storage", "value": "fast"}
    assert api.post("/portal/requests", db).status_code == 201


def test_hostile_texts_stay_texts(shop: dict[str, Any]) -> None:
    api = Api(shop["mia"])
    made = api.post("/portal/requests", away(shop, reason=seed.HOSTILE)).json()
    assert made["reason"] == seed.HOSTILE
    for body in ({"reason": "a\x00b"}, {"reason": "x" * 1001}, {"value": "a\nb"}, {"idempotency_key": "\u202e"}):
        assert api.post("/portal/requests", away(shop, "db", **body)).status_code == 422
    assert api.post("/portal/requests", {"guest": "x' OR 1=1", "wish": "up"}).status_code == 422


def test_asking_again_and_again_ends(shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request is a preflight check."""
    monkeypatch.setattr(asking, "MOST_A_DAY", 2)
    api = Api(shop["mia"])
    for _ in range(2):
        made = api.post("/portal/requests", away(shop))
        assert api.post(f"/portal/requests/{made.json()['id']}/withdraw").status_code == 200
    assert fields(api.post("/portal/requests", away(shop))) == ["guest"]
    assert api.post("/portal/requests", away(shop, "db")).status_code == 201


# --- who reads what -----------------------------------------------------------------------------------------------------


def test_operators_read_the_plan_and_members_read_no_host(shop: dict[str, Any]) -> None:
    row = seed.make_request(shop["web"], shop["team"], by=shop["mia"])
    seen = Api(shop["olga"]).get(f"/portal/requests/{row.pk}").json()
    assert (seen["plan"]["source"], seen["choice"][0]["host"]) == ("kvm-a", "kvm-b")
    for person in ("mia", "lea"):
        answer = Api(shop[person]).get(f"/portal/requests/{row.pk}")
        assert (answer.json()["plan"], answer.json()["choice"]) == (None, None)
        assert answer.json()["forecast"]["downtime_high_ms"] == 140
        assert [word for word in HOSTS if word in answer.content.decode()] == []


def test_a_request_of_others_does_not_exist(shop: dict[str, Any]) -> None:
    row = seed.make_request(shop["web"], shop["team"], by=shop["mia"])
    fred = seed.make_person("fred", None)
    teams.set_member(usecases.create_team("Other", by=shop["admin"]), fred, "lead", by=shop["admin"])
    api = Api(fred)
    assert api.get(f"/portal/requests/{row.pk}").status_code == 404
    assert api.post(f"/portal/requests/{row.pk}/withdraw").status_code == 404
    assert api.items("/portal/requests") == []


# --- withdraw -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["mia", "lea"])
def test_who_asked_or_leads_withdraws(shop: dict[str, Any], person: str) -> None:
    row = seed.make_request(shop["web"], shop["team"], by=shop["mia"])
    api = Api(shop[person])
    answer = api.post(f"/portal/requests/{row.pk}/withdraw", {"reason": "not needed"})
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    assert answer.json()["text"] == f"Withdrawn by {person}. The VM was not touched."
    assert api.post(f"/portal/requests/{row.pk}/withdraw").json() == answer.json()


@pytest.mark.parametrize(("person", "status"), [("max", 403), ("olga", 403), ("admin", 403)])
def test_others_do_not_withdraw(shop: dict[str, Any], person: str, status: int) -> None:
    row = seed.make_request(shop["web"], shop["team"], by=shop["mia"])
    assert Api(shop[person]).post(f"/portal/requests/{row.pk}/withdraw").status_code == status
    row.refresh_from_db()
    assert row.state == "waiting_window"


def test_it_is_too_late_when_it_has_ended(shop: dict[str, Any]) -> None:
    row = seed.make_request(shop["web"], shop["team"], by=shop["mia"], state=RequestState.DONE)
    answer = Api(shop["mia"]).post(f"/portal/requests/{row.pk}/withdraw")
    assert (answer.status_code, check_problem(answer)["state"]) == (409, "done")


def test_a_queued_migration_ends_with_its_request(shop: dict[str, Any]) -> None:
    move = seed.make_migration(shop["web"], shop["a"], shop["b"], State.QUEUED, by=shop["mia"], lane=Lane.PORTAL)
    row = seed.make_request(shop["web"], shop["team"], by=shop["mia"], state=RequestState.QUEUED, migration=move)
    assert Api(shop["mia"]).post(f"/portal/requests/{row.pk}/withdraw").json()["state"] == "withdrawn"
    move.refresh_from_db()
    assert (move.state, move.state_text) == ("cancelled", "The VM was not touched: its team withdrew the request.")


def test_a_running_migration_is_told_to_stop(shop: dict[str, Any]) -> None:
    move = seed.make_migration(shop["web"], shop["a"], shop["b"], State.COPYING_MEMORY, lane=Lane.PORTAL)
    row = seed.make_request(shop["web"], shop["team"], by=shop["mia"], state=RequestState.MOVING, migration=move)
    for _ in range(2):
        answer = Api(shop["mia"]).post(f"/portal/requests/{row.pk}/withdraw")
        assert (answer.status_code, answer.json()["state"]) == (202, "moving")
        assert answer.json()["text"] == "mia withdrew the request: the migration is being cancelled."
    assert move.orders.get().what == "cancel"


# --- quotas -------------------------------------------------------------------------------------------------------------


def test_a_quota_is_set_by_admins_and_read_by_the_lead(shop: dict[str, Any]) -> None:
    path, none = f"/teams/{shop['team'].pk}/quota", {"moves_per_day": None, "gib_per_day": None, "at_once": None}
    admin = Api(shop["admin"])
    assert admin.get(path).json() == none
    assert admin.put(path, {"moves_per_day": 3, "at_once": 1}).json() == {**none, "moves_per_day": 3, "at_once": 1}
    assert Api(shop["lea"]).get(path).json()["moves_per_day"] == 3
    assert Api(shop["mia"]).get(path).status_code == 404
    assert Api(shop["lea"]).put(path, {"moves_per_day": 9}).status_code == 403
    for wrong in ({"moves_per_day": -1}, {"gib_per_day": 1.5}, {"at_once": True}, {"at_once": 10**20}, {"moves": 1}):
        assert admin.put(path, wrong).status_code == 422, wrong
    told = Entry.objects.filter(topic=f"team:{shop['team'].pk}").latest("pk")
    assert told.text == "ada set the quota of the team Shop: migrations a day: 3, requests at the same time: 1"
    assert admin.put(path, {}).json() == none


@pytest.mark.parametrize(
    ("quota", "exceeded"),
    [
        ({"moves_per_day": 0}, {"dimension": "moves_per_day", "used": 0, "asked": 1, "limit": 0}),
        ({"gib_per_day": 3}, {"dimension": "gib_per_day", "used": 0, "asked": 4, "limit": 3}),
        ({"at_once": 0}, {"dimension": "at_once", "used": 0, "asked": 1, "limit": 0}),
    ],
)
def test_more_than_the_quota_is_refused(shop: dict[str, Any], quota: dict[str, int], exceeded: dict[str, Any]) -> None:
    Api(shop["admin"]).put(f"/teams/{shop['team'].pk}/quota", quota)
    answer = Api(shop["mia"]).post("/portal/requests", away(shop))
    assert (answer.status_code, check_problem(answer)["exceeded"]) == (422, [exceeded])
    assert not Request.objects.exists()


def test_what_is_open_and_what_began_today_counts(shop: dict[str, Any]) -> None:
    Api(shop["admin"]).put(f"/teams/{shop['team'].pk}/quota", {"moves_per_day": 1})
    api = Api(shop["mia"])
    first = api.post("/portal/requests", away(shop)).json()
    assert api.post("/portal/requests", away(shop, "db")).status_code == 422
    api.post(f"/portal/requests/{first['id']}/withdraw")
    second = api.post("/portal/requests", away(shop, "db"))
    assert second.status_code == 201  # what was withdrawn before it began costs nothing
    move = seed.make_migration(shop["db"], shop["a"], shop["b"], State.DONE)
    Request.objects.filter(pk=second.json()["id"]).update(state=RequestState.DONE, migration=move)
    assert api.post("/portal/requests", away(shop)).status_code == 422
    Migration.objects.filter(pk=move.pk).update(started_at=timezone.now() - timedelta(hours=25))
    assert api.post("/portal/requests", away(shop)).status_code == 201


@pytest.mark.parametrize("number", ["0", "-1", "9" * 30, "x"])
def test_numbers_that_no_request_has(shop: dict[str, Any], number: str) -> None:
    for path in (f"/portal/requests/{number}", f"/teams/{number}/quota"):
        assert Api(shop["olga"]).get(path).status_code in (404, 422), path
    assert Api(shop["olga"]).get("/portal/requests", after=number).status_code in (200, 422)
