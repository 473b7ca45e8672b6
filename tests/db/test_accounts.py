"""Who gets in, who stays out, and the commands that make people and tokens."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from kvmweb.accounts.models import Grant, Team, Token
from kvmweb.journal.models import Entry
from kvmweb.management.commands.create_token import moment
from tests.web.conftest import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.dual]
PASSWORD = "olga-password-1"


@pytest.fixture(autouse=True)
def _no_rates_from_before() -> None:
    cache.clear()


def _log_in(client: Client, name: str, password: str) -> Any:
    return client.post("/accounts/login/", {"login": name, "password": password})


def _addresses(patterns: Any, before: str = "") -> list[str]:
    """An example address for every pattern of the site."""
    found = []
    for pattern in patterns:
        address = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += _addresses(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern) and not address.startswith("^"):
            address = address.replace("<uuid:uuid>", "1b4e28ba-2fa1-11d2-883f-b9a761bde3fb")
            found.append("/" + re.sub(r"<[^>]*>", "1", address))
    return found


class TestDoor:
    def test_every_page_needs_a_login(self) -> None:
        addresses = [
            address
            for address in _addresses(get_resolver().url_patterns)
            if not address.startswith(("/api/", "/accounts/login/", "/accounts/logout/", "/setup/", "/healthz"))
            and not re.search(r"[\^$(\\]", address)
        ]
        assert len(addresses) > 40
        for address in addresses:
            for answer in (Client().get(address), Client().post(address)):
                assert answer.status_code == 302, address
                assert "/accounts/login/" in answer["Location"], address

    def test_a_fragment_asked_for_without_login_has_its_page_say_so(self, client: Client) -> None:
        answer = client.get("/vms/", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.content) == (401, b"")
        assert '"login": "/accounts/login/"' in answer["HX-Trigger"]

    def test_healthz_is_open_and_says_nothing(self, client: Client) -> None:
        assert client.get("/healthz").content == b"ok\n"
        assert client.post("/healthz").status_code == 405

    def test_the_api_takes_no_session(self, operator: User) -> None:
        assert client_of(operator).get("/api/v1/hosts").status_code == 401

    def test_somebody_without_a_role_is_told_so(self, stranger: User) -> None:
        answer = client_of(stranger).get("/vms/")
        assert answer.status_code == 403
        assert b"no role yet" in answer.content

    @pytest.mark.parametrize("address", ["signup/", "email/", "password/reset/", "password/set/", "inactive/"])
    def test_other_pages_of_allauth_are_closed(self, viewer: User, address: str) -> None:
        assert client_of(viewer).get(f"/accounts/{address}").status_code == 404

    def test_an_unknown_page_is_a_404_of_ours(self, viewer: User) -> None:
        answer = client_of(viewer).get("/nothing/")
        assert answer.status_code == 404
        assert b"page does not exist" in answer.content

    def test_a_form_without_token_is_refused_in_words(self, operator: User) -> None:
        answer = client_of(operator, enforce_csrf_checks=True).post("/accounts/logout/")
        assert answer.status_code == 403
        assert b"did not accept the form" in answer.content


class TestLogin:
    def test_with_the_right_password(self, client: Client, operator: User) -> None:
        answer = _log_in(client, "olga", PASSWORD)
        assert (answer.status_code, answer["Location"]) == (302, "/")

    def test_logging_in_leaves_no_message(self, client: Client, operator: User) -> None:
        _log_in(client, "olga", PASSWORD)
        assert "messages" not in client.cookies
        assert list(client.get("/").context["messages"]) == []

    def test_to_another_site_leads_nothing(self, client: Client, operator: User) -> None:
        form = {"login": "olga", "password": PASSWORD, "next": "https://evil.example/"}
        assert client.post("/accounts/login/", form)["Location"] == "/"

    def test_an_inactive_person_hears_what_an_unknown_one_hears(self, client: Client, operator: User) -> None:
        User.objects.filter(pk=operator.pk).update(is_active=False)
        refused, unknown = _log_in(client, "olga", PASSWORD), _log_in(client, "nobody", PASSWORD)
        assert refused.status_code == unknown.status_code == 200
        said = [list(answer.context["form"].non_field_errors()) for answer in (refused, unknown)]
        assert said[0]
        assert said[0] == said[1]

    def test_guessing_is_slowed_down(self, client: Client, operator: User) -> None:
        for _ in range(6):
            _log_in(client, "olga", "wrong")
        answer = _log_in(client, "olga", PASSWORD)
        assert answer.status_code != 302

    def test_out_by_post_only(self, operator: User) -> None:
        client = client_of(operator)
        client.get("/accounts/logout/")
        assert client.get("/accounts/login/").status_code == 302  # still in
        client.post("/accounts/logout/")
        assert client.get("/accounts/login/").status_code == 200


class TestCommands:
    def _make(self, monkeypatch: pytest.MonkeyPatch, *words: str, password: str = "a-long-password") -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        call_command("create_user", *words, "--password-stdin", stdout=io.StringIO())

    def test_a_person_is_made_once_and_changed_afterwards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._make(monkeypatch, "pia", "--role", "viewer")
        self._make(monkeypatch, "pia", "--role", "operator", password="another-password")
        person = User.objects.get(username="pia")
        assert list(person.grants.values_list("role", "scope")) == [("operator", "")]
        assert person.check_password("another-password")
        assert not person.is_superuser

    def test_a_superuser(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._make(monkeypatch, "root", "--role", "admin", "--superuser")
        assert User.objects.get(username="root").is_superuser

    @pytest.mark.parametrize("role", ["viewer", "member", "lead", "operator", "auditor", "admin"])
    def test_every_role(self, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
        self._make(monkeypatch, "pia", "--role", role)
        assert list(Grant.objects.values_list("user__username", "role", "scope")) == [("pia", role, "")]

    def test_a_role_in_a_team_stays_beside_the_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        team = Team.objects.create(name="Shop").scope
        for words in (("viewer",), ("lead", "--scope", team), ("operator",), ("member", "--scope", team)):
            self._make(monkeypatch, "pia", "--role", *words)
        assert set(Grant.objects.values_list("role", "scope")) == {("operator", ""), ("member", team)}

    @pytest.mark.parametrize(
        ("role", "scope"),
        [("operator", "team:3"), ("admin", "hosts:rack-a"), ("lead", "team:x"), ("lead", "3"), ("member", "team:-1")],
    )
    def test_a_scope_that_nothing_understands(self, monkeypatch: pytest.MonkeyPatch, role: str, scope: str) -> None:
        with pytest.raises(CommandError, match="is not a scope of"):
            self._make(monkeypatch, "pia", "--role", role, "--scope", scope)
        assert not User.objects.exists()

    @pytest.mark.parametrize("password", ["", "short", "password1234"])
    def test_weak_passwords_are_refused(self, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
        with pytest.raises(CommandError):
            self._make(monkeypatch, "pia", "--role", "viewer", password=password)
        assert not User.objects.exists()

    def test_a_token_is_printed_alone_and_stored_as_a_hash(self, operator: User) -> None:
        out = io.StringIO()
        call_command("create_token", "olga", stdout=out)
        text = out.getvalue().strip()
        assert out.getvalue() == text + "\n"
        assert Token.person(text) == operator
        assert text not in str(list(Token.objects.values_list()))

    @pytest.mark.parametrize(
        ("given", "hours"),
        [
            ("12h", 12),
            ("90d", 90 * 24),
            ("2199-12-31", None),
            ("2199-12-31T18:00", None),
            ("2199-12-31T18:00+02:00", None),
        ],
    )
    def test_a_token_that_expires(self, operator: User, given: str, hours: int | None) -> None:
        out = io.StringIO()
        call_command("create_token", "olga", expires=moment(given), stdout=out)
        text = out.getvalue().strip()
        assert Token.person(text) == operator
        expires = Token.objects.get().expires
        assert expires is not None
        if hours is None:
            assert f"{expires:%Y-%m-%d %H}" in ("2200-01-01 00", "2199-12-31 18", "2199-12-31 16")
        else:
            assert abs((expires - timezone.now()).total_seconds() - hours * 3600) < 60
        assert "expires at" in Entry.objects.latest("pk").text
        Token.objects.update(expires=timezone.now() - timedelta(seconds=1))
        assert Token.person(text) is None

    @pytest.mark.parametrize("given", ["", "0d", "-1d", "90", "tomorrow", "2020-01-01", "2031-13-01", "99999d" * 2])
    def test_an_end_that_is_none(self, operator: User, given: str) -> None:
        with pytest.raises(CommandError):
            call_command("create_token", "olga", f"--expires={given}")
        assert not Token.objects.exists()

    def test_tokens_are_listed_without_their_text(self, operator: User) -> None:
        texts = [Token.issue(operator), Token.issue(operator, expires=timezone.now() - timedelta(days=1))]
        assert Token.person(texts[0])
        for name in ((), ("olga",)):
            out = io.StringIO()
            call_command("list_tokens", *name, stdout=out)
            lines = out.getvalue().splitlines()
            assert len(lines) == 3
            assert lines[1].split()[1] == "olga"
            assert lines[1].endswith("never")
            assert lines[2].endswith("(expired)")
            assert not any(text in out.getvalue() for text in texts)
        with pytest.raises(CommandError, match="nobody"):
            call_command("list_tokens", "nobody")

    def test_one_token_is_revoked_and_the_others_stay(self, operator: User, viewer: User) -> None:
        first, second, other = Token.issue(operator), Token.issue(operator), Token.issue(viewer)
        number = Token.objects.get(prefix=first[:12], user=operator).pk
        call_command("revoke_tokens", "olga", str(number), stdout=io.StringIO())
        assert Token.person(first) is None
        assert Token.person(second) == operator
        strange = Token.objects.get(user=viewer).pk
        with pytest.raises(CommandError, match=f"olga has no token {strange}"):
            call_command("revoke_tokens", "olga", str(strange), stdout=io.StringIO())
        assert (Token.person(second), Token.person(other)) == (operator, viewer)
        assert f"revoked the API token {number} of" in Entry.objects.latest("pk").text

    def test_no_token_for_nobody(self) -> None:
        with pytest.raises(CommandError, match="nobody"):
            call_command("create_token", "nobody")

    def test_a_token_ends_with_its_person(self, operator: User) -> None:
        text = Token.issue(operator)
        User.objects.filter(pk=operator.pk).update(is_active=False)
        assert Token.person(text) is None


def test_the_roles_that_were_groups_are_kept() -> None:
    """What the schema migration does to an installation that is upgraded, and back."""
    step = import_module("kvmweb.accounts.migrations.0003_grants")
    people = {name: User.objects.create_user(name) for name in ("anna", "olga", "stan")}
    other = Group.objects.create(name="night shift")
    for name, person in (("admin", "anna"), ("viewer", "anna"), ("operator", "olga")):
        Group.objects.get_or_create(name=name)[0].user_set.add(people[person])
    other.user_set.add(people["olga"])
    expected = {("anna", "admin", ""), ("anna", "viewer", ""), ("olga", "operator", "")}
    for _ in range(2):
        step.grants_of_groups(apps, None)
        assert set(Grant.objects.values_list("user__username", "role", "scope")) == expected
        assert list(Group.objects.all()) == [other]
        step.groups_of_grants(apps, None)
        assert {group.name for group in people["anna"].groups.all()} == {"admin", "viewer"}
        assert {group.name for group in people["olga"].groups.all()} == {"operator", "night shift"}


def test_web_code_never_imports_libvirt() -> None:
    """The web process imports what kvmweb.asgi does; nothing of it reaches the gateway's private rooms."""
    import subprocess
    import sys

    code = "import kvmweb.asgi, kvmweb.urls, sys; from django.urls import get_resolver; get_resolver().url_patterns; "
    code += "assert not {'libvirt', 'hosts.gateway._link'} & set(sys.modules)"
    folder = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
