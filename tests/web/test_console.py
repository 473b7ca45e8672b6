"""The console: its pages, and users and tokens over the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from hosts.usecases import teams as usecases
from kvmweb.accounts.models import Token
from kvmweb.accounts.permissions import Role
from tests.web import seed
from tests.web.api_client import Api
from tests.web.conftest import client_of
from tests.web.pages import flat

PASSWORD = "pias-password-1"
NEW = {"username": "pia", "email": "pia@kvmweb.example", "password": PASSWORD, "again": PASSWORD, "roles": ["viewer"]}


@pytest.fixture(autouse=True)
def _no_rates_from_before() -> None:
    cache.clear()


@pytest.fixture
def anna(scene: dict[str, Any]) -> User:
    """An admin who is no superuser."""
    return seed.make_person("anna", Role.ADMIN)


@pytest.fixture
def as_admin(anna: User) -> Client:
    return client_of(anna)


@pytest.fixture
def by_admin(anna: User) -> Api:
    return Api(anna)


def test_the_start_leads_everybody_where_they_may_go(scene: dict[str, Any], as_admin: Client) -> None:
    page = as_admin.get("/console/")
    text = flat(page)
    for place in ("People", "Teams", "Policies", "History"):
        assert place in text
    links = re.findall(r'href="(/[^"]+/)"', page.content.decode())
    assert {as_admin.get(link).status_code for link in links} == {200}
    udo = client_of(seed.make_person("udo", Role.AUDITOR))
    auditors = udo.get("/console/")
    assert "People" not in flat(auditors)
    links = re.findall(r'href="(/[^"]+/)"', auditors.content.decode())
    assert {udo.get(link).status_code for link in links} == {200}


def test_an_admin_adds_and_changes_a_user(scene: dict[str, Any], as_admin: Client) -> None:
    made = as_admin.post("/console/people/add/", NEW)
    pia = User.objects.get(username="pia")
    page = f"/console/people/{pia.pk}/"
    assert made["Location"] == page
    assert "pia@kvmweb.example" in flat(as_admin.get("/console/people/", {"q": "PIA"}))
    twice = as_admin.post("/console/people/add/", NEW)  # a double click
    assert twice.status_code == 422
    assert "Another user has this name." in flat(twice)
    assert PASSWORD not in twice.content.decode()
    as_admin.post(f"{page}change/", {"username": "pia2", "email": "", "roles": ["operator", "auditor"]})
    pia.refresh_from_db()
    assert (pia.username, pia.email) == ("pia2", "")
    assert set(pia.grants.values_list("role", flat=True)) == {"operator", "auditor"}
    team = usecases.create_team("Shop", by=scene["admin"])
    as_admin.post(f"{page}teams/", {"team": team.pk, "role": "lead"})
    assert "Shop" in flat(as_admin.get(page))
    assert pia.grants.filter(role="lead", scope=team.scope).exists()
    as_admin.post(f"{page}teams/", {"team": team.pk, "remove": "yes"})
    assert not pia.grants.filter(scope=team.scope).exists()


def test_a_form_makes_nobody_a_superuser(scene: dict[str, Any], as_admin: Client) -> None:
    as_admin.post("/console/people/add/", NEW | {"is_superuser": "on", "is_staff": "on"})
    as_admin.post(f"/console/people/{scene['viewer'].pk}/change/", {"username": "vera", "is_superuser": "on"})
    assert not User.objects.filter(username__in=("pia", "vera"), is_superuser=True).exists()


def test_an_admin_cannot_lock_themself_out(anna: User, as_admin: Client) -> None:
    page = f"/console/people/{anna.pk}/"
    said = as_admin.post(f"{page}change/", {"username": "anna", "email": "", "roles": ["viewer"]})
    assert said.status_code == 422
    assert "You cannot lock yourself out" in flat(said)
    assert "You cannot lock yourself out" in flat(as_admin.post(f"{page}active/", {"active": "no"}, follow=True))
    assert as_admin.get("/console/").status_code == 200


class TestAnotherPassword:
    """Asked for on a computer that somebody left: without the admin's own password nothing changes."""

    def _set(self, scene: dict[str, Any], client: Client, **own: str) -> Any:
        form = {"password": PASSWORD, "again": PASSWORD, **own}
        return client.post(f"/console/people/{scene['viewer'].pk}/password/", form)

    def test_with_ones_own(self, scene: dict[str, Any], as_admin: Client, as_viewer: Client) -> None:
        assert self._set(scene, as_admin, own_password=seed.PASSWORD).status_code == 302
        scene["viewer"].refresh_from_db()
        assert scene["viewer"].check_password(PASSWORD)
        assert as_viewer.get("/vms/").status_code == 302  # logged out

    @pytest.mark.parametrize("own", [{}, {"own_password": "a-guess-1"}])
    def test_without_it(self, scene: dict[str, Any], as_admin: Client, own: dict[str, str]) -> None:
        answer = self._set(scene, as_admin, **own)
        assert ("This is not your password." if own else "This field is required.") in flat(answer)
        assert PASSWORD not in answer.content.decode()
        scene["viewer"].refresh_from_db()
        assert not scene["viewer"].check_password(PASSWORD)

    def test_guessing_it_is_slowed_down(self, scene: dict[str, Any], as_admin: Client) -> None:
        for _ in range(5):
            self._set(scene, as_admin, own_password="a-guess-1")
        assert "Too many wrong passwords." in flat(self._set(scene, as_admin, own_password=seed.PASSWORD))


def test_a_token_is_shown_once(scene: dict[str, Any], as_viewer: Client) -> None:
    shown = as_viewer.post("/account/tokens/add/", {"days": "30"})
    assert shown["Cache-Control"] == "no-store"
    text = re.search(r"kvmweb_[\w-]{43}", shown.content.decode())
    assert text is not None
    assert Token.person(text[0]) == scene["viewer"]
    token = scene["viewer"].tokens.get()
    assert token.expires is not None
    listed = as_viewer.get("/account/tokens/")
    assert token.prefix in flat(listed)
    assert text[0] not in listed.content.decode()
    assert client_of(scene["olga"]).post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    as_viewer.post(f"/account/tokens/{token.pk}/revoke/")
    assert Token.person(text[0]) is None


def test_an_admin_makes_and_revokes_tokens_of_others(scene: dict[str, Any], as_admin: Client) -> None:
    page = f"/console/people/{scene['viewer'].pk}/"
    assert "Copy it now" in flat(as_admin.post(f"{page}tokens/", {"days": ""}))
    token = scene["viewer"].tokens.get()
    assert token.expires is None
    assert token.prefix in flat(as_admin.get(page))
    other = f"/console/people/{scene['olga'].pk}/tokens/{token.pk}/revoke/"
    assert as_admin.post(other).status_code == 404
    assert as_admin.post(f"{page}tokens/{token.pk}/revoke/").status_code == 302
    assert not scene["viewer"].tokens.exists()


def test_the_history_is_filtered_and_never_fails(scene: dict[str, Any], as_admin: Client) -> None:
    text = flat(as_admin.get("/console/history/", {"topic": "migration", "q": "olga requested"}))
    assert "olga requested the migration of web-01" in text
    assert "No entry fits" in flat(as_admin.get("/console/history/", {"topic": "nothing"}))
    for query in ({"before": "x"}, {"before": "9" * 30}, {"q": "a\0b"}, {"topic": "x" * 500}, {"q": "%_\\"}):
        for address in ("/console/history/", "/console/history/export/"):
            assert as_admin.get(address, query).status_code == 200, query
    for address in ("/console/history/", "/console/history/export/"):
        assert as_admin.post(address).status_code == 405


def test_hostile_names(scene: dict[str, Any], as_admin: Client) -> None:
    user = User.objects.create_user(seed.HOSTILE[:150], email=seed.HOSTILE[:200])
    for address in ("/console/people/", f"/console/people/{user.pk}/", "/console/history/"):
        assert seed.HOSTILE.encode() not in as_admin.get(address).content


def test_people_over_the_api(by_admin: Api, scene: dict[str, Any]) -> None:
    team = usecases.create_team("Shop", by=scene["admin"])
    grants = [{"role": "lead", "scope": team.scope}]
    wanted = {"username": "pia", "email": "pia@kvmweb.example", "roles": ["viewer"], "grants": grants}
    made = by_admin.post("/people", wanted | {"password": PASSWORD})
    assert made.status_code == 201
    assert made.json() == wanted | {"active": True}
    assert by_admin.get("/people/pia").json() == made.json()
    assert "pia" in [one["username"] for one in by_admin.items("/people")]
    changed = by_admin.patch("/people/pia", {"active": False, "grants": []})
    assert changed.json() == wanted | {"active": False, "grants": []}
    assert by_admin.patch("/people/pia", {"password": "another-password-1"}).status_code == 200
    assert User.objects.get(username="pia").check_password("another-password-1")
    assert by_admin.get("/people/nobody").status_code == by_admin.get("/people/%00").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "pia", "password": "short"}, "password"),
        ({"username": "vera"}, "username"),
        ({"username": "pia", "grants": [{"role": "lead", "scope": "team:999999"}]}, "grants"),
        ({"username": "pia", "roles": ["king"]}, "roles"),
        ({"username": "pia", "is_superuser": True}, "is_superuser"),
    ],
)
def test_what_does_not_fit_names_the_field(by_admin: Api, body: dict[str, Any], field: str) -> None:
    answer = by_admin.post("/people", body)
    assert answer.status_code == 422
    assert field in answer.json()["errors"][0]["field"]


def test_tokens_over_the_api(by_admin: Api, scene: dict[str, Any]) -> None:
    made = by_admin.post("/people/vera/tokens", {"expires": "2031-12-31T18:00:00Z"})
    assert made.status_code == 201
    assert Token.person(made.json()["token"]) == scene["viewer"]
    listed = by_admin.items("/people/vera/tokens")
    assert [one["id"] for one in listed] == [made.json()["id"]]
    assert "token" not in listed[0]
    assert by_admin.post("/people/vera/tokens", {"expires": "2001-01-01T00:00:00Z"}).status_code == 422
    address = f"/people/vera/tokens/{made.json()['id']}"
    assert [by_admin.delete(address).status_code for _ in range(2)] == [204, 404]
