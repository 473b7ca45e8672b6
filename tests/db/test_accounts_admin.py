"""Django's admin: users for admins, read-only records, no way to gain more rights."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.test import Client

from hosts.models import Guest, Host, Sighting
from kvmweb.journal.models import Entry
from migrations_app.models import Migration
from tests.web import seed
from tests.web.conftest import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.dual]


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root", password="root-password-1")


def _change(user: User, **fields: Any) -> dict[str, Any]:
    return {"username": user.username, "first_name": "", "last_name": "", "is_active": "on", **fields}


def test_only_the_admin_role_enters(viewer: User, operator: User, admin: User, stranger: User) -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    for person in (viewer, operator, stranger, staff):
        assert client_of(person).get("/admin/", follow=True).status_code == 403
    assert client_of(admin).get("/admin/").status_code == 200


def test_it_has_no_login_page_of_its_own(client: Client) -> None:
    for address in ("/admin/", "/admin/login/", "/admin/auth/user/"):
        answer = client.post(address, {"username": "root", "password": "root-password-1"})
        assert "/accounts/login/" in answer["Location"]


def test_what_other_apps_bring_is_not_there() -> None:
    shown = {model._meta.label for model in django_admin.site._registry}
    assert shown == {
        "auth.User",
        "hosts.Host",
        "hosts.Guest",
        "hosts.Sighting",
        "journal.Entry",
        "migrations_app.Migration",
    }


def test_an_admin_makes_a_person_and_gives_a_role(admin: User) -> None:
    client = client_of(admin)
    form = {
        "username": "pia",
        "usable_password": "true",
        "password1": "pias-password-1",
        "password2": "pias-password-1",
    }
    assert client.post("/admin/auth/user/add/", form).status_code == 302
    pia = User.objects.get(username="pia")
    pia.grants.create(role="lead", scope="team:3")
    assert client.post(f"/admin/auth/user/{pia.pk}/change/", _change(pia, roles=["operator"])).status_code == 302
    assert set(pia.grants.values_list("role", "scope")) == {("operator", ""), ("lead", "team:3")}
    page = client.get(f"/admin/auth/user/{pia.pk}/change/").content.decode()
    assert re.search(r'value="operator"[^>]* checked', page)
    assert client.get("/admin/auth/user/", {"grants__role__exact": "operator"}).content.count(b"pia") > 0


def test_an_admin_makes_nobody_a_superuser(admin: User, viewer: User) -> None:
    client = client_of(admin)
    for person in (viewer, admin):
        client.post(f"/admin/auth/user/{person.pk}/change/", _change(person, is_superuser="on", is_staff="on"))
    form = {
        "username": "pia",
        "usable_password": "true",
        "password1": "pias-password-1",
        "password2": "pias-password-1",
    }
    client.post("/admin/auth/user/add/", form | {"is_superuser": "on"})
    assert not User.objects.filter(is_superuser=True).exists()


class TestAnotherPassword:
    """Asked for on a computer that somebody left: without the admin's own password nothing changes."""

    NEW = "veras-password-1"

    @pytest.fixture
    def client(self, admin: User) -> Client:
        cache.clear()
        admin.set_password("adas-password-1")
        admin.save()
        return client_of(admin)

    def _set(self, client: Client, user: User, **own: str) -> Any:
        form = {"usable_password": "true", "password1": self.NEW, "password2": self.NEW, **own}
        return client.post(f"/admin/auth/user/{user.pk}/password/", form)

    def test_with_ones_own(self, client: Client, viewer: User) -> None:
        assert b"Your own password" in client.get(f"/admin/auth/user/{viewer.pk}/password/").content
        assert self._set(client, viewer, own_password="adas-password-1").status_code == 302
        viewer.refresh_from_db()
        assert viewer.check_password(self.NEW)

    @pytest.mark.parametrize("own", [{}, {"own_password": "veras-guess-1"}])
    def test_without_it(self, client: Client, viewer: User, own: dict[str, str]) -> None:
        before = viewer.password
        answer = self._set(client, viewer, **own)
        assert (b"This is not your password." if own else b"This field is required.") in answer.content
        viewer.refresh_from_db()
        assert viewer.password == before

    def test_guessing_it_is_slowed_down(self, client: Client, viewer: User) -> None:
        for _ in range(5):
            self._set(client, viewer, own_password="veras-guess-1")
        assert b"Too many wrong passwords." in self._set(client, viewer, own_password="adas-password-1").content
        cache.clear()


def test_an_admin_does_not_reach_a_superuser(admin: User, root: User) -> None:
    client = client_of(admin)
    before = root.password
    for address in ("change/", "password/", "delete/", "history/"):
        form = _change(root, password1="taken-over-1", password2="taken-over-1", usable_password="true")
        client.post(f"/admin/auth/user/{root.pk}/{address}", form)
        assert client.get(f"/admin/auth/user/{root.pk}/{address}").status_code != 200
    root.refresh_from_db()
    assert (root.password, root.is_active, root.is_superuser) == (before, True, True)
    assert b"root" not in client.get("/admin/auth/user/").content.replace(b"root-", b"")


def test_a_superuser_changes_superusers(root: User, viewer: User) -> None:
    client_of(root).post(f"/admin/auth/user/{viewer.pk}/change/", _change(viewer, is_superuser="on"))
    viewer.refresh_from_db()
    assert viewer.is_superuser


def test_nobody_is_deleted(root: User, admin: User, viewer: User) -> None:
    for person in (root, admin):
        assert client_of(person).post(f"/admin/auth/user/{viewer.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=viewer.pk).exists()


def test_an_auditor_reads_the_records_and_nothing_else(admin: User) -> None:
    auditor = User.objects.create_user("udo")
    auditor.grants.create(role="auditor")
    client = client_of(auditor)
    assert client.get("/admin/").status_code == client.get("/admin/journal/entry/").status_code == 200
    for address in ("", "add/", f"{admin.pk}/change/", f"{admin.pk}/password/", f"{admin.pk}/history/"):
        assert client.get(f"/admin/auth/user/{address}").status_code == 403, address


def test_records_are_for_reading(root: User, admin: User) -> None:
    seed.scene()
    records: tuple[Any, ...] = (Entry, Migration, Sighting, Guest, Host)
    clients = [client_of(person) for person in (root, admin)]
    before = {model: list(model.objects.order_by("pk").values()) for model in records}
    forged = {"post": "yes", "text": "forged", "name": "forged", "reason": "forged", "state": "shutoff"}
    for client, model in product(clients, records):
        pk = before[model][0][model._meta.pk.name]
        start = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert client.get(start).status_code == 200
        assert client.get(f"{start}{pk}/change/").status_code == 200
        assert client.get(f"{start}add/").status_code == 403
        for address in (f"{pk}/change/", f"{pk}/delete/", "add/"):
            assert client.post(f"{start}{address}", forged).status_code == 403, (model, address)
        client.post(start, {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    refusals = Entry.objects.filter(topic="logins")  # each of these tries is noted
    assert refusals.exists()
    kept = {Entry: Entry.objects.exclude(pk__in=refusals)}
    assert before == {model: list(kept.get(model, model.objects).order_by("pk").values()) for model in records}


NUMBERS = ("1", "3", "0", "-1", "x", "9" * 30, "1/1", "3/1", "_", "%00", "1b4e28ba-2fa1-11d2-883f-b9a761bde3fb")
QUERIES = (
    {"p": "x"},
    {"o": "9.-9.x"},
    {"q": "a\0b"},
    {"e": "1"},
    {"id": "x"},
    {"uuid": "x"},
    {"created__year": "9" * 9},
)


def _patterns(patterns: Any, before: str = "/admin/") -> list[str]:
    found = []
    for pattern in patterns:
        address = before + str(pattern.pattern)
        found += _patterns(pattern.url_patterns, address) if hasattr(pattern, "url_patterns") else [address]
    return found


def test_no_address_of_the_admin_is_a_mistake_of_ours(root: User) -> None:
    """It was, for a number where a UUID belongs: /admin/r/3/1/."""
    client = client_of(root)
    client.raise_request_exception = False
    plain = [address for address in _patterns(django_admin.site.get_urls()) if not address.endswith("$")]
    addresses = {re.sub("<[^>]*>", number, address) for address in plain for number in NUMBERS}
    addresses |= {f"/admin/r/{type.pk}/1/" for type in ContentType.objects.all()}
    assert len(addresses) > 200
    answers = {address: client.get(address).status_code for address in addresses if "logout" not in address}
    answers |= {
        f"{address} {query}": client.get(address, query).status_code
        for address in plain
        for query in QUERIES
        if "<" not in address and "logout" not in address
    }
    assert {address: status for address, status in answers.items() if status >= 500} == {}
    assert client.get("/admin/r/3/1/").status_code == 404
