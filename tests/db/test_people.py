"""What admins do with users and tokens, by the use cases: no way to gain more rights, none to lock everybody out."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from kvmweb.accounts.models import Team, Token
from kvmweb.accounts.people import PersonRefused, Wanted, change_person, make_person, people_seen
from kvmweb.accounts.tokens import MOST_TOKENS, make_token, revoke_token, tokens_of
from kvmweb.journal.models import Entry
from tests.web.conftest import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.dual]


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="root-password-1")


def _roles(user: User) -> set[tuple[str, str]]:
    return set(user.grants.values_list("role", "scope"))


def test_a_user_with_all(admin: User) -> None:
    team = Team.objects.create(name="Shop")
    wanted = Wanted(
        username="pia",
        email="pia@kvmweb.example",
        roles=["viewer"],
        grants=[("lead", team.scope)],
        password="pias-pass-1",
    )
    pia = make_person(wanted, by=admin, reason="new here")
    assert _roles(pia) == {("viewer", ""), ("lead", team.scope)}
    assert pia.check_password("pias-pass-1")
    entry = Entry.objects.get(topic=f"person:{pia.pk}")
    assert (entry.actor_name, entry.reason) == ("anna", "new here")
    assert "pias-pass-1" not in f"{entry.text}{entry.body}"
    change_person(pia, Wanted(grants=[]), by=admin)
    assert _roles(pia) == {("viewer", "")}


def test_without_a_password_nobody_logs_in(admin: User) -> None:
    assert not make_person(Wanted(username="pia"), by=admin).has_usable_password()


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": "<img src=x>"}, "username"),
        ({"username": "a\0b"}, "username"),
        ({"username": "a" * 151}, "username"),
        ({"username": "ANNA"}, "username"),
        ({"username": "pia", "email": "nothing"}, "email"),
        ({"username": "pia", "email": "a\n@kvmweb.example"}, "email"),
        ({"username": "pia", "password": "short"}, "password"),
        ({"username": "pia", "roles": ["king"]}, "roles"),
        ({"username": "pia", "grants": [("lead", "team:999999")]}, "grants"),
        ({"username": "pia", "grants": [("admin", "team:1")]}, "grants"),
        ({"username": "pia", "grants": [("lead", "nothing")]}, "grants"),
        ({"username": "pia", "grants": [("viewer", "")]}, "grants"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(admin: User, wanted: dict[str, Any], field: str) -> None:
    before = Entry.objects.count(), User.objects.count()
    with pytest.raises(PersonRefused) as refused:
        make_person(Wanted(**wanted), by=admin)
    assert refused.value.field == field
    assert (Entry.objects.count(), User.objects.count()) == before


@pytest.mark.parametrize("wanted", [Wanted(active=False), Wanted(roles=["operator"]), Wanted(roles=[])])
def test_nobody_locks_themselves_out(admin: User, wanted: Wanted) -> None:
    with pytest.raises(PersonRefused, match="lock yourself out"):
        change_person(admin, wanted, by=admin)
    admin.refresh_from_db()
    assert admin.is_active
    assert _roles(admin) == {("admin", "")}


def test_a_superuser_keeps_every_right_without_the_role(root: User) -> None:
    change_person(root, Wanted(roles=[]), by=root)


@pytest.mark.parametrize("by", ["viewer", "operator", "stranger"])
def test_only_admins(request: pytest.FixtureRequest, by: str, admin: User) -> None:
    somebody = request.getfixturevalue(by)
    for act in (
        lambda: make_person(Wanted(username="pia"), by=somebody),
        lambda: change_person(somebody, Wanted(roles=["admin"]), by=somebody),
        lambda: make_token(admin, expires=None, by=somebody),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_an_admin_does_not_reach_a_superuser(admin: User, root: User) -> None:
    assert root not in people_seen(admin)
    with pytest.raises(PermissionDenied):
        change_person(root, Wanted(password="taken-over-1"), by=admin)
    with pytest.raises(User.DoesNotExist):
        make_token(root, expires=None, by=admin)
    Token.issue(root)
    assert not tokens_of(root, by=admin).exists()
    for address in ("", "change/", "password/", "active/", "teams/", "tokens/"):
        client = client_of(admin)
        send = client.post if address else client.get
        assert send(f"/console/people/{root.pk}/{address}").status_code == 404, address


def test_an_inactive_user_is_out_at_once(admin: User, operator: User) -> None:
    client, (_, text) = client_of(operator), make_token(operator, expires=None, by=admin)
    assert client.get("/vms/").status_code == 200
    change_person(operator, Wanted(active=False), by=admin)
    assert client.get("/vms/").status_code == 302
    assert Token.person(text) is None
    with pytest.raises(PersonRefused):
        make_token(operator, expires=None, by=admin)


def test_tokens(admin: User, operator: User) -> None:
    token, text = make_token(operator, expires=timezone.now() + timedelta(days=1), by=operator)
    assert Token.person(text) == operator
    said = Entry.objects.filter(topic=f"person:{operator.pk}").latest("pk")
    assert "olga created an API token for themselves, which expires at" in said.text
    assert text not in f"{said.text}{said.body}"
    assert revoke_token(token, by=admin)
    assert not revoke_token(token, by=admin)
    assert Token.person(text) is None
    with pytest.raises(PersonRefused, match="in the past"):
        make_token(operator, expires=timezone.now(), by=operator)
    for _ in range(MOST_TOKENS):
        Token.issue(operator)
    with pytest.raises(PersonRefused, match="Revoke some first"):
        make_token(operator, expires=None, by=operator)


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_take_the_role_from_each_other_one_stays(admin: User) -> None:
    other = User.objects.create_user("otto")
    other.grants.create(role="admin")
    both, outcomes = threading.Barrier(2), []

    def take(user: User, by: User) -> None:
        both.wait()
        try:
            change_person(user, Wanted(roles=["viewer"]), by=by)
            outcomes.append("taken")
        except PermissionDenied:
            outcomes.append("denied")
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=pair) for pair in ((admin, other), (other, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["denied", "taken"]
    assert User.objects.filter(grants__role="admin", grants__scope="").count() == 1
