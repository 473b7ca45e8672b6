"""Approvals in the API and on their pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from approvals.models import Approval, BrokenGlass, FourEyes, Rule, Vote
from hosts.models import Guest
from hosts.usecases import teams as usecases
from kvmweb.accounts import teams
from kvmweb.accounts.models import Token
from migrations_app.domain.lifecycle import State
from tests.web import seed
from tests.web.conftest import client_of


class Caller:
    """The API as one user."""

    def __init__(self, user: Any) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {Token.issue(user)}"})

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        more = {} if method == "get" else {"data": body or {}, "content_type": "application/json"}
        answer = getattr(self.client, method)(f"/api/v1{path}", **more)
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def people(scene: dict[str, Any]) -> dict[str, Any]:
    cache.clear()
    shop = usecases.create_team("Shop", by=scene["admin"])
    usecases.give_guest(shop, scene["web"], by=scene["admin"])
    for name, role in (("lea", "lead"), ("mia", "member")):
        scene[name] = seed.make_person(name, None)
        teams.set_member(shop, scene[name], role, by=scene["admin"])
    return {**scene, "shop": shop}


@pytest.fixture
def asked(people: dict[str, Any]) -> Approval:
    return seed.make_approval(people["web"], role="lead", asked_by=people["mia"], quorum=1)


def body(approval: Approval, **changes: Any) -> dict[str, Any]:
    return {"vote": "approve", "comment": "fine", "plan": approval.plan_hash, **changes}


# --- API ----------------------------------------------------------------------------------------------------------------


def test_an_approval_has_all_its_fields(people: dict[str, Any], asked: Approval) -> None:
    status, got = Caller(people["viewer"])("get", f"/approvals/{asked.pk}")
    assert status == 200
    assert {**got, "created_at": "", "expires_at": ""} == {
        "id": asked.pk,
        "subject": asked.subject,
        "guest": str(people["web"].pk),
        "text": asked.text,
        "plan": asked.plan_hash,
        "content": asked.plan,
        "state": "open",
        "rule": "Operators agree",
        "role": "lead",
        "quorum": 1,
        "votes": [],
        "asked_by": "mia",
        "created_at": "",
        "expires_at": "",
    }


def test_people_of_teams_see_those_of_their_vms_without_the_plan(people: dict[str, Any], asked: Approval) -> None:
    foreign = seed.make_approval(people["db"])
    among_admins = seed.make_approval(people["web"], subject="close:7", reason="It runs on kvm-c.")
    mia = Caller(people["mia"])
    status, got = mia("get", "/approvals")
    assert (status, [one["id"] for one in got["items"]]) == (200, [asked.pk])
    assert got["items"][0]["content"] is None
    for one in (foreign, among_admins):
        assert mia("get", f"/approvals/{one.pk}")[0] == 404
        assert mia("post", f"/approvals/{one.pk}/votes", body(one))[0] == 404


def test_the_list_can_be_only_of_open_ones(people: dict[str, Any], asked: Approval) -> None:
    over = seed.make_approval(people["db"], expires_at=timezone.now() - timedelta(seconds=1))
    denied = seed.make_approval(people["db"], state="denied")
    see = Caller(people["viewer"])
    found = {text: [one["id"] for one in see("get", f"/approvals{text}")[1]["items"]] for text in ("", "?open=true")}
    assert found == {"": [denied.pk, over.pk, asked.pk], "?open=true": [asked.pk]}
    closed = see("get", "/approvals?open=false")[1]["items"]
    assert [(one["id"], one["state"]) for one in closed] == [(denied.pk, "denied"), (over.pk, "expired")]


def test_a_vote(people: dict[str, Any], asked: Approval) -> None:
    status, got = Caller(people["lea"])("post", f"/approvals/{asked.pk}/votes", body(asked))
    assert (status, got["state"]) == (201, "approved")
    assert [(one["by"], one["vote"], one["comment"]) for one in got["votes"]] == [("lea", "approve", "fine")]


def test_what_a_vote_can_be_refused_for(people: dict[str, Any], asked: Approval) -> None:
    path = f"/approvals/{asked.pk}/votes"
    lea, mia = Caller(people["lea"]), Caller(people["mia"])
    assert mia("post", path, body(asked))[0] == 403  # the own request
    assert Caller(people["olga"])("post", path, body(asked))[0] == 403  # a lead is asked
    assert Caller(people["viewer"])("post", path, body(asked))[0] == 403
    assert lea("post", path, body(asked, vote="maybe"))[0] == 422
    assert lea("post", path, {"vote": "approve"})[0] == 422
    status, got = lea("post", path, body(asked, plan="old"))
    assert (status, got["plan"]) == (409, asked.plan_hash)
    assert lea("post", "/approvals/999999/votes", body(asked))[0] == 404
    assert not Vote.objects.exists()
    Approval.objects.update(quorum=2)
    assert lea("post", path, body(asked))[0] == 201
    status, got = lea("post", path, body(asked))
    assert (status, got["detail"]) == (409, "You have voted already.")
    Approval.objects.update(state="denied")
    assert lea("post", path, body(asked))[0] == 409


def test_an_admin_votes_where_an_operator_is_asked(people: dict[str, Any]) -> None:
    one = seed.make_approval(people["web"])
    assert Caller(people["lea"])("post", f"/approvals/{one.pk}/votes", body(one))[0] == 403
    assert Caller(people["admin"])("post", f"/approvals/{one.pk}/votes", body(one, vote="deny"))[1]["state"] == "denied"


def test_rules_are_made_changed_and_removed_by_admins(people: dict[str, Any]) -> None:
    admin, guest = Caller(people["admin"]), people["web"]
    wanted = {
        "name": "Nights", "team": people["shop"].pk, "guest": str(guest.pk), "kind": "live", "hours": "22:00-06:00",
        "time_zone": "Europe/Berlin", "downtime_ms": 300, "role": "operator", "quorum": 2, "expires_hours": 12,
    }  # fmt: skip
    status, made = admin("post", "/approval-rules", {**wanted, "reason": "audit"})
    assert (status, made) == (201, wanted)
    assert admin("get", "/approval-rules")[1]["items"] == [wanted]
    assert admin("patch", "/approval-rules/Nights", {"quorum": 1, "guest": None})[1] == {
        **wanted,
        "quorum": 1,
        "guest": None,
    }
    assert admin("post", "/approval-rules", wanted)[0] == 422  # the name is taken
    assert admin("delete", "/approval-rules/Nights")[0] == 204
    assert admin("delete", "/approval-rules/Nights")[0] == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "a/b"),
        ("team", 999_999),
        ("guest", "00000000-0000-4000-8000-000000000001"),
        ("kind", "teleport"),
        ("hours", "8-18"),
        ("time_zone", "Mars/Olympus"),
        ("downtime_ms", -1),
        ("role", "viewer"),
        ("quorum", 0),
        ("expires_hours", 0),
        ("quorum", None),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(people: dict[str, Any], field: str, value: Any) -> None:
    admin = Caller(people["admin"])
    status, got = admin("post", "/approval-rules", {"name": "Nights", "role": "lead", field: value})
    assert (status, got["errors"][0]["field"]) == (422, field)
    Rule.objects.create(name="Days", role="lead")
    status, got = admin("patch", "/approval-rules/Days", {field: value})
    assert (status, got["errors"][0]["field"]) == (422, field)


def test_four_eyes_in_the_api(people: dict[str, Any]) -> None:
    admin = Caller(people["admin"])
    assert admin("get", "/four-eyes") == (200, {"unsafe": False, "closing": False})
    assert admin("put", "/four-eyes", {"unsafe": True})[0] == 422
    assert admin("put", "/four-eyes", {"unsafe": True, "closing": True}) == (200, {"unsafe": True, "closing": True})
    assert Caller(people["olga"])("put", "/four-eyes", {"unsafe": False, "closing": False})[0] == 403


def test_closing_in_the_api_waits_or_breaks_the_glass(people: dict[str, Any]) -> None:
    FourEyes.objects.create(closing=True)
    row = seed.make_migration(people["idle"], people["a"], people["b"], State.NEEDS_ATTENTION)
    admin, path = Caller(people["admin"]), f"/migrations/{row.pk}/close"
    status, got = admin("post", path, {"reason": "It runs on kvm-b."})
    assert (status, got["approval"]) == (202, Approval.objects.get().pk)
    status, got = admin("post", path, {"reason": "It runs on kvm-b.", "break_glass": "alone"})
    assert (status, got["state"]) == (200, "failed")
    assert BrokenGlass.objects.get().reason == "alone"


# --- pages --------------------------------------------------------------------------------------------------------------


def test_a_lead_approves_on_the_page(people: dict[str, Any], asked: Approval) -> None:
    lea = client_of(people["lea"])
    listed = lea.get("/approvals/").content.decode()
    assert "Waiting for you" in listed
    assert '<span class="count">(1)</span>' in listed
    assert asked.text in listed
    page = lea.get(f"/approvals/{asked.pk}/").content.decode()
    assert asked.plan_hash in page
    assert "kvm-" not in page
    answer = lea.post(f"/approvals/{asked.pk}/", body(asked), follow=True)
    assert "Your vote is recorded." in answer.content.decode()
    assert 'class="count"' not in lea.get("/portal/").content.decode()
    asked.refresh_from_db()
    assert asked.state == "approved"


def test_who_asked_sees_it_without_a_form(people: dict[str, Any], asked: Approval) -> None:
    mia = client_of(people["mia"])
    page = mia.get(f"/approvals/{asked.pk}/").content.decode()
    assert "You asked for it yourself" in page
    assert 'name="vote"' not in page
    assert mia.post(f"/approvals/{asked.pk}/", body(asked)).status_code == 403
    assert mia.get(f"/approvals/{seed.make_approval(people['db']).pk}/").status_code == 404


def test_a_page_with_an_old_plan_shows_what_has_changed(people: dict[str, Any]) -> None:
    one = seed.make_approval(people["web"], role="operator")
    earlier = {**one.plan, "target": people["a"].pk, "findings": []}
    Approval.objects.filter(pk=one.pk).update(earlier_plan=earlier)
    answer = client_of(people["olga"]).post(f"/approvals/{one.pk}/", body(one, plan="old", comment="as agreed"))
    page = answer.content.decode()
    assert answer.status_code == 409
    for text in ("The plan has changed since you looked at it", "What has changed", "before: kvm-a", "as agreed"):
        assert text in page
    assert not Vote.objects.exists()
    told = client_of(people["mia"]).get(f"/approvals/{one.pk}/").content.decode()
    assert "has changed" in told
    assert "kvm-" not in told


def test_hostile_texts_are_escaped(people: dict[str, Any]) -> None:
    one = seed.make_approval(people["web"], text=seed.HOSTILE, reason=seed.HOSTILE, rule=seed.HOSTILE)
    Vote.objects.create(approval=one, by_name="x", vote="deny", comment=seed.HOSTILE, plan_hash="old")
    olga = client_of(people["olga"])
    for path in ("/approvals/", f"/approvals/{one.pk}/"):
        assert seed.HOSTILE not in olga.get(path).content.decode()


def test_an_admin_makes_changes_and_removes_a_rule(people: dict[str, Any]) -> None:
    admin = client_of(people["admin"])
    form = {
        "name": "Nights", "team": people["shop"].pk, "guest": people["web"].name, "kind": "", "hours": "22:00-06:00",
        "time_zone": "UTC", "downtime_ms": "", "role": "lead", "quorum": 1, "expires_hours": 72, "reason": "",
    }  # fmt: skip
    assert admin.get("/approvals/rules/add/").status_code == 200
    wrong = admin.post("/approvals/rules/add/", {**form, "hours": "late", "guest": "nobody"})
    assert wrong.status_code == 422
    assert "No VM with this name" in wrong.content.decode()
    assert "Enter a range" in admin.post("/approvals/rules/add/", {**form, "hours": "late"}).content.decode()
    page = admin.post("/approvals/rules/add/", form, follow=True).content.decode()
    assert "Every request for web-01 of the team Shop, between 22:00 and 06:00 (UTC), needs the approval" in page
    rule = Rule.objects.get()
    assert (rule.guest, rule.team) == (Guest.objects.get(name="web-01"), people["shop"])
    assert admin.get(f"/approvals/rules/{rule.pk}/").status_code == 200
    admin.post(f"/approvals/rules/{rule.pk}/", {**form, "team": "", "quorum": 3})
    rule.refresh_from_db()
    assert (rule.team, rule.quorum) == (None, 3)
    page = admin.post(f"/approvals/rules/{rule.pk}/remove/", {"reason": "over"}, follow=True).content.decode()
    assert "removed the approval rule Nights" in page
    assert not Rule.objects.exists()


def test_four_eyes_on_the_page_and_the_fields_they_add(people: dict[str, Any]) -> None:
    admin = client_of(people["admin"])
    row = seed.make_migration(people["idle"], people["a"], people["b"], State.NEEDS_ATTENTION)
    places = (f"/migrations/{row.pk}/", f"/vms/{people['build'].pk}/migrate/")
    assert not any('name="break_glass"' in admin.get(place).content.decode() for place in places)
    page = admin.post("/approvals/four-eyes/", {"unsafe": "on", "closing": "on"}, follow=True).content.decode()
    assert "set four eyes: unsafe migrations on, closing by hand on" in page
    assert all('name="break_glass"' in admin.get(place).content.decode() for place in places)
    said = admin.post(f"/migrations/{row.pk}/close/", {"reason": "It runs on kvm-b."}, follow=True)
    assert "as soon as another admin approves it" in said.content.decode()
    answer = admin.post(f"/migrations/{row.pk}/close/", {"reason": "It runs on kvm-b.", "break_glass": "alone"})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.state == "failed"
    assert "did not wait for another admin" in admin.get("/").content.decode()
    assert "did not wait for another admin" not in client_of(people["olga"]).get("/").content.decode()
