"""The pages of teams, and the one page of their people."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from hosts.usecases import teams as usecases
from kvmweb.accounts.models import Ownership, Team
from kvmweb.journal.models import Entry
from migrations_app.models import Migration
from tests.web import seed
from tests.web.conftest import client_of
from tests.web.pages import flat


@pytest.fixture
def shop(scene: dict[str, Any]) -> Team:
    return usecases.create_team("Shop", ["web-*"], by=scene["admin"])


def _somebody(team: Team, role: str) -> Client:
    user = seed.make_person("mia", None)
    user.grants.create(role=role, scope=team.scope)
    return client_of(user)


def test_an_admin_makes_a_team(scene: dict[str, Any], as_admin: Client) -> None:
    form = {"name": "Night", "patterns": "web-*\r\n\r\ndb-*\r\n", "reason": "a trial"}
    made = as_admin.post("/teams/add/", form)
    team = Team.objects.get(name="Night")
    assert made["Location"] == f"/teams/{team.pk}/"
    page = flat(as_admin.get(f"/teams/{team.pk}/"))
    assert "web-01" in page
    assert "db-01" in page
    assert "web-*" in flat(as_admin.get("/teams/"))
    again = as_admin.post("/teams/add/", form)
    assert again.status_code == 422
    assert b"Another team has this name." in again.content
    assert Entry.objects.filter(topic=f"team:{team.pk}", reason="a trial").count() == 1


def test_an_admin_changes_a_team(scene: dict[str, Any], as_admin: Client, shop: Team) -> None:
    path = f"/teams/{shop.pk}"
    as_admin.post(f"{path}/change/", {"name": "Store", "patterns": "idle-*"})
    shop.refresh_from_db()
    assert (shop.name, shop.patterns) == ("Store", ["idle-*"])
    for role in ("member", "lead"):
        as_admin.post(f"{path}/members/", {"username": "vera", "role": role})
        assert scene["viewer"].grants.filter(scope=shop.scope, role=role).exists()
    as_admin.post(f"{path}/members/", {"username": "vera", "remove": "yes"})
    assert not scene["viewer"].grants.filter(scope=shop.scope).exists()
    for given in ("db-01", str(scene["build"].pk)):
        as_admin.post(f"{path}/vms/", {"guest": given})
    assert set(shop.owned.values_list("guest", flat=True)) == {scene[n].pk for n in ("idle", "db", "build")}
    as_admin.post(f"{path}/vms/", {"guest": str(scene["idle"].pk), "remove": "yes"})
    assert not shop.owned.filter(guest=scene["idle"].pk).exists()
    assert as_admin.post(f"{path}/delete/", {"reason": "over"})["Location"] == "/teams/"
    assert not Ownership.objects.exclude(team=None).exists()


@pytest.mark.parametrize(
    ("where", "form", "said"),
    [
        ("members", {"username": "nobody", "role": "lead"}, "There is no user with this name."),
        ("members", {"username": "vera", "role": "admin"}, "Select a valid choice."),
        ("vms", {"guest": "nothing"}, "No VM with this name or UUID has been seen."),
        ("vms", {"guest": "nothing", "remove": "yes"}, "This is not a UUID."),
        ("vms", {"guest": "twin"}, "Several VMs have this name."),
        ("vms", {"guest": "idle-01"}, "This VM belongs to the team Data."),
    ],
)
def test_what_cannot_be_done_is_said(
    scene: dict[str, Any], as_admin: Client, shop: Team, where: str, form: dict[str, str], said: str
) -> None:
    for key in ("twin-1", "twin-2"):
        seed.make_guest("twin", scene["a"], key=key)
    usecases.give_guest(usecases.create_team("Data", by=scene["admin"]), scene["idle"], by=scene["admin"])
    assert said in flat(as_admin.post(f"/teams/{shop.pk}/{where}/", form, follow=True))


def test_who_only_looks_gets_no_forms(scene: dict[str, Any], as_viewer: Client, shop: Team) -> None:
    for client in (as_viewer, _somebody(shop, "lead")):
        for address in ("/teams/", f"/teams/{shop.pk}/"):
            page = flat(client.get(address))
            assert "Shop" in page
            assert "Add " not in page
            assert "Delete the team" not in page


def test_a_login_leads_people_of_teams_to_their_vms(scene: dict[str, Any], shop: Team) -> None:
    client = _somebody(shop, "member")
    page = client.get("/", follow=True)
    assert page.redirect_chain == [("/portal/", 302)]
    text = flat(page)
    assert "web-01" in text
    assert "Migrating" in text
    assert "db-01" not in text
    assert 'id="search"' not in text
    assert f"topic=portal%3A{shop.pk}&amp;topic=moving%3A{shop.pk}&amp;after=" in text
    assert "topic=inventory" not in text
    assert "People of" not in text
    password = flat(client.get("/accounts/password/change/"))
    assert "Change your password" in password
    assert "/hosts/" not in password
    for address, status in (("/hosts/", 403), (f"/vms/{scene['web'].pk}/", 404), ("/nowhere/", 404)):
        refused = client.get(address)
        assert refused.status_code == status
        assert "Team VMs" in flat(refused)


def test_a_migration_that_needs_a_user_is_not_shown_as_one_that_goes_on(scene: dict[str, Any], shop: Team) -> None:
    client = _somebody(shop, "member")
    Migration.objects.filter(pk=scene["running"].pk).update(state="needs_attention")
    text = flat(client.get("/portal/"))
    assert "Needs attention" in text
    assert "Migrating" not in text
    Migration.objects.filter(pk=scene["running"].pk).update(state="queued")
    assert "Running" in flat(client.get("/portal/"))


def test_a_lead_sees_the_people_too(scene: dict[str, Any], shop: Team) -> None:
    text = flat(_somebody(shop, "lead").get("/portal/"))
    assert "Shop, which you lead" in text
    assert "People of Shop" in text
    assert "mia" in text


def test_an_operator_in_a_team_keeps_everything(scene: dict[str, Any], shop: Team) -> None:
    scene["olga"].grants.create(role="member", scope=shop.scope)
    client = client_of(scene["olga"])
    assert client.get("/").status_code == 200
    page = flat(client.get("/portal/"))
    assert "web-01" in page
    assert 'id="search"' in page
    rows = page[page.index("<tbody>") : page.index("</tbody>")]
    assert "db-01" not in rows


def test_hostile_names(scene: dict[str, Any], as_admin: Client) -> None:
    team = usecases.create_team(seed.HOSTILE, ["*"], by=scene["admin"])
    client = _somebody(team, "lead")
    for page in (client.get("/portal/"), as_admin.get("/teams/"), as_admin.get(f"/teams/{team.pk}/")):
        assert seed.HOSTILE.encode() not in page.content
        assert b"&lt;img" in page.content


def test_the_number_of_queries_does_not_grow(
    scene: dict[str, Any], as_admin: Client, shop: Team, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        team = usecases.create_team(f"team {number}", by=scene["admin"])
        usecases.give_guest(team, seed.make_guest(f"vm-{number}", scene["a"]), by=scene["admin"])
    usecases.change_team(shop, patterns=["*"], by=scene["admin"])
    client = _somebody(shop, "lead")
    for who, address, most in ((as_admin, "/teams/", 40), (client, "/portal/", 20)):
        with django_assert_max_num_queries(most):
            assert who.get(address).status_code == 200
