"""Teams: their people, and the VMs that they own by UUID."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User

from hosts.facts.guest import GuestStatus, RunState
from hosts.models import Guest, Host
from hosts.usecases import teams as usecases
from hosts.watcher.store_guests import guests_seen
from kvmweb.accounts import teams
from kvmweb.accounts.models import Ownership, Team
from kvmweb.accounts.permissions import Role, grants_of, teams_of, visible
from kvmweb.accounts.teams import OwnedByOther, TeamRefused
from kvmweb.journal.models import Entry
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, Preflight, RollbackCopy
from tests.web import seed
from tests.web.api_client import Api, fields

pytestmark = [pytest.mark.django_db, pytest.mark.dual]


@pytest.fixture
def scene(admin: User) -> dict[str, Any]:
    a, b = seed.make_host("kvm-a", number=1), seed.make_host("kvm-b", number=2)
    web, db = seed.make_guest("web-01", a), seed.make_guest("db-01", a)
    shop, data = (usecases.create_team(name, by=admin) for name in ("Shop", "Data"))
    return {**locals(), "api": Api(admin)}


def _owned(team: Team) -> set[str]:
    return {Guest.objects.get(pk=row.guest).name for row in team.owned.all()}


def _member(team: Team, role: str = "member", name: str = "mia") -> User:
    user = User.objects.create_user(name)
    user.grants.create(role=role, scope=team.scope)
    return user


class TestVisible:
    def test_a_member_sees_the_vms_of_their_teams_and_their_migrations(self, scene: dict[str, Any]) -> None:
        usecases.give_guest(scene["shop"], scene["web"], by=scene["admin"])
        usecases.give_guest(scene["data"], scene["db"], by=scene["admin"])
        moves = {name: seed.make_migration(scene[name], scene["a"], scene["b"], State.DONE) for name in ("web", "db")}
        seed.make_copy(moves["web"])
        seed.make_preflight(scene["web"], scene["b"])
        for role in ("member", "lead"):
            user = _member(scene["shop"], role, role)
            assert list(Guest.objects.visible_to(user)) == [scene["web"]]
            assert list(Migration.objects.visible_to(user)) == [moves["web"]]
            for model in (Host, RollbackCopy, Preflight):  # what they show names hosts and paths
                assert not visible(model._default_manager.all(), user).exists()

    def test_one_in_two_teams_sees_both(self, scene: dict[str, Any]) -> None:
        user = _member(scene["shop"])
        user.grants.create(role="lead", scope=scene["data"].scope)
        usecases.give_guest(scene["shop"], scene["web"], by=scene["admin"])
        usecases.give_guest(scene["data"], scene["db"], by=scene["admin"])
        assert set(Guest.objects.visible_to(user)) == {scene["web"], scene["db"]}
        assert list(Team.objects.visible_to(user)) == [scene["data"]]  # of the other they are only a member

    @pytest.mark.parametrize("role", ["member", "lead"])
    def test_the_role_without_a_team_shows_nothing(self, scene: dict[str, Any], role: str) -> None:
        user = User.objects.create_user("mia")
        user.grants.create(role=role)
        usecases.give_guest(scene["shop"], scene["web"], by=scene["admin"])
        assert teams_of(user) == frozenset()
        assert not Guest.objects.visible_to(user).exists()
        assert not Team.objects.visible_to(user).exists()

    def test_an_operator_who_is_a_member_sees_everything(self, scene: dict[str, Any]) -> None:
        user = _member(scene["shop"])
        user.grants.create(role="operator")
        assert Guest.objects.visible_to(user).count() == 2
        assert Team.objects.visible_to(user).count() == 2

    def test_a_member_who_is_made_inactive_sees_nothing(self, scene: dict[str, Any]) -> None:
        usecases.give_guest(scene["shop"], scene["web"], by=scene["admin"])
        user = _member(scene["shop"])
        user.is_active = False
        assert not Guest.objects.visible_to(user).exists()

    def test_a_vm_stays_the_teams_wherever_it_is_and_however_it_is_called(self, scene: dict[str, Any]) -> None:
        usecases.change_team(scene["shop"], patterns=["web-*"], by=scene["admin"])
        user = _member(scene["shop"])
        seed.see(scene["web"], scene["b"])
        Guest.objects.filter(pk=scene["web"].pk).update(name="www-01")
        teams.claim({scene["web"].pk: "www-01"})
        assert [guest.name for guest in Guest.objects.visible_to(user)] == ["www-01"]


class TestPatterns:
    def test_they_give_what_is_there_and_what_comes(self, scene: dict[str, Any]) -> None:
        usecases.change_team(scene["shop"], patterns=["web-*", " ", "shop-??"], by=scene["admin"])
        assert scene["shop"].patterns == ["web-*", "shop-??"]
        assert _owned(scene["shop"]) == {"web-01"}
        present = [
            GuestStatus(uuid=str(uuid4()), name=name, state=RunState.RUNNING, reason="booted")
            for name in ("shop-01", "shop-001", "web", "WEB-02", "web-02")
        ]
        guests_seen(scene["a"].pk, present, None, started=scene["a"].seen_at.replace(year=2099))
        assert _owned(scene["shop"]) == {"web-01", "web-02", "shop-01"}
        said = Entry.objects.filter(text="web-02 belongs to the team Shop: its name matches web-*.")
        assert said.count() == 1

    def test_what_an_admin_gave_stays_and_what_an_admin_took_does_not_come_back(self, scene: dict[str, Any]) -> None:
        by = scene["admin"]
        usecases.give_guest(scene["data"], scene["web"], by=by)
        usecases.change_team(scene["shop"], patterns=["*"], by=by)
        assert (_owned(scene["shop"]), _owned(scene["data"])) == ({"db-01"}, {"web-01"})
        assert usecases.take_guest(scene["shop"], scene["db"].pk, by=by)
        usecases.change_team(scene["data"], patterns=["db-*"], by=by)
        assert _owned(scene["data"]) == {"web-01"}
        usecases.give_guest(scene["data"], scene["db"], by=by)  # but an admin may
        assert _owned(scene["data"]) == {"web-01", "db-01"}

    def test_a_dropped_pattern_takes_only_what_it_gave(self, scene: dict[str, Any]) -> None:
        by = scene["admin"]
        usecases.change_team(scene["shop"], patterns=["web-*"], by=by)
        usecases.give_guest(scene["shop"], scene["db"], by=by)
        usecases.change_team(scene["shop"], patterns=["app-*"], by=by)
        assert _owned(scene["shop"]) == {"db-01"}

    def test_the_older_team_gets_what_two_want(self, scene: dict[str, Any]) -> None:
        for team in ("data", "shop"):
            usecases.change_team(scene[team], patterns=["*-01"], by=scene["admin"])
        assert _owned(scene["data"]) == {"web-01", "db-01"}  # it had them already
        Ownership.objects.all().delete()
        teams.claim(dict(Guest.objects.values_list("pk", "name")))
        assert _owned(scene["shop"]) == {"web-01", "db-01"}

    def test_giving_by_hand_goes_before_a_pattern_but_not_before_a_hand(self, scene: dict[str, Any]) -> None:
        by = scene["admin"]
        usecases.change_team(scene["shop"], patterns=["web-*"], by=by)
        usecases.give_guest(scene["data"], scene["web"], by=by)
        assert _owned(scene["data"]) == {"web-01"}
        with pytest.raises(OwnedByOther, match="belongs to the team Data"):
            usecases.give_guest(scene["shop"], scene["web"], by=by)


class TestTheApi:
    def test_a_team_from_its_beginning_to_its_end(self, scene: dict[str, Any]) -> None:
        api, mia = scene["api"], User.objects.create_user("mia")
        made = api.post("/teams", {"name": " Night ", "patterns": ["web-*"], "reason": "a trial"})
        team = made.json()
        assert made.status_code == 201
        assert made["Location"] == f"/api/v1/teams/{team['id']}"
        assert (team["name"], team["members"]) == ("Night", [])
        assert team["guests"] == [
            {"uuid": str(scene["web"].pk), "name": "web-01", "pattern": "web-*", "by_metadata": False}
        ]
        path = f"/teams/{team['id']}"
        for role in ("member", "lead", "lead"):
            assert api.put(f"{path}/members/mia", {"role": role}).json() == {"username": "mia", "role": role}
        assert grants_of(User.objects.get(pk=mia.pk)) == {("lead", f"team:{team['id']}")}
        given = api.put(f"{path}/guests/{scene['db'].pk}")
        assert given.json() == {"uuid": str(scene["db"].pk), "name": "db-01", "pattern": "", "by_metadata": False}
        shown = api.get(path).json()
        assert shown["members"] == [{"username": "mia", "role": "lead"}]
        assert [guest["name"] for guest in shown["guests"]] == ["db-01", "web-01"]
        assert shown in api.items("/teams")
        assert api.patch(path, {"name": "Day", "patterns": []}).json()["patterns"] == []
        assert [guest["name"] for guest in api.get(path).json()["guests"]] == ["db-01"]
        for gone in (f"{path}/guests/{scene['db'].pk}", f"{path}/members/mia"):
            assert [api.delete(gone).status_code for _ in range(2)] == [204, 404]
        api.put(f"{path}/members/mia", {"role": "member"})
        assert [api.delete(path).status_code for _ in range(2)] == [204, 404]
        assert not User.objects.get(pk=mia.pk).grants.exists()
        said = Entry.objects.filter(topic=f"team:{team['id']}").order_by("id").values_list("text", flat=True)
        assert list(said) == [
            "anna created the team Night",
            "anna changed the name patterns of the team Night: web-*",
            "anna made mia member of the team Night",
            "anna made mia lead of the team Night",
            "anna gave db-01 to the team Night",
            "anna renamed the team Night to Day",
            "anna changed the name patterns of the team Day: none",
            "anna took db-01 from the team Day",
            "anna removed mia from the team Day",
            "anna made mia member of the team Day",
            "anna deleted the team Day",
        ]

    def test_what_does_not_exist(self, scene: dict[str, Any]) -> None:
        api, path = scene["api"], f"/teams/{scene['shop'].pk}"
        assert api.put(f"{path}/members/nobody", {"role": "lead"}).status_code == 404
        assert api.put(f"{path}/guests/{uuid4()}").status_code == 404
        assert api.delete(f"{path}/guests/{scene['web'].pk}").status_code == 404
        assert api.put(f"/teams/999/guests/{scene['web'].pk}").status_code == 404

    def test_what_is_wrong(self, scene: dict[str, Any]) -> None:
        api, path = scene["api"], f"/teams/{scene['shop'].pk}"
        assert fields(api.post("/teams", {"name": "Shop"})) == ["name"]
        assert fields(api.post("/teams", {"name": " "})) == ["name"]
        assert fields(api.post("/teams", {"name": "New", "patterns": ["x" * 101]})) == ["patterns"]
        assert not Team.objects.filter(name="New").exists()
        assert fields(api.patch(path, {"name": "Data", "patterns": ["*"]})) == ["name"]
        assert fields(api.put(f"{path}/members/anna", {"role": "operator"})) == ["role"]
        assert not Ownership.objects.exists()

    def test_a_vm_that_another_team_has(self, scene: dict[str, Any]) -> None:
        api, web = scene["api"], scene["web"].pk
        assert api.put(f"/teams/{scene['shop'].pk}/guests/{web}").status_code == 200
        refused = api.put(f"/teams/{scene['data'].pk}/guests/{web}")
        assert (refused.status_code, refused.json()["team"]) == (409, scene["shop"].pk)

    def test_a_lead_sees_the_own_team_and_changes_nothing(self, scene: dict[str, Any]) -> None:
        lead = Api(_member(scene["shop"], "lead"))
        own, foreign = (f"/teams/{scene[name].pk}" for name in ("shop", "data"))
        assert [team["name"] for team in lead.items("/teams")] == ["Shop"]
        assert lead.get(own).json()["members"] == [{"username": "mia", "role": "lead"}]
        assert lead.get(foreign).status_code == 404
        assert lead.patch(own, {"name": "Mine"}).status_code == 403
        assert lead.patch(foreign, {"name": "Mine"}).status_code == 404
        for name in ("anna", "nobody"):
            assert lead.put(f"{own}/members/{name}", {"role": "lead"}).status_code == 403
        assert Team.objects.filter(name="Shop").exists()

    def test_everybody_may_ask_who_they_are(self, scene: dict[str, Any]) -> None:
        user = _member(scene["shop"])
        user.grants.create(role=Role.VIEWER)
        roles = [{"role": "member", "scope": f"team:{scene['shop'].pk}"}, {"role": "viewer", "scope": ""}]
        assert Api(user).get("/me").json() == {"username": "mia", "roles": roles}


def test_a_name_that_is_taken_meanwhile(scene: dict[str, Any]) -> None:
    with pytest.raises(TeamRefused, match="Another team"):
        teams.rename_team(scene["shop"], "Data", by=scene["admin"])
