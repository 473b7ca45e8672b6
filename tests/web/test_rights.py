"""Who may change what: every address that takes a POST, for every role. A new one must be entered here."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from hosts import urls as hosts_urls
from hosts.models import Errand, Host, Introduction, StoragePool
from kvmweb.accounts.models import Team, Token
from kvmweb.accounts.permissions import Right, Role, may
from kvmweb.api import api
from kvmweb.journal import writer
from kvmweb.journal.models import Entry
from migrations_app import urls as migrations_urls
from migrations_app.models import GuestConsent, Migration, Policy, PolicyChoice, Preflight
from tests.web import seed
from tests.web.conftest import client_of

SUPERUSER, INACTIVE = "superuser", "inactive superuser"  # neither has a role
ROLES = ("", INACTIVE, "viewer", "operator", "auditor", "admin", SUPERUSER)
#: name of the address -> roles that may send it a POST
PAGES = {
    "vm-migrate": {"operator", "admin", SUPERUSER},
    "vm-preflight": {"operator", "admin", SUPERUSER},
    "vm-forget": {"operator", "admin", SUPERUSER},
    "migration-cancel": {"operator", "admin", SUPERUSER},
    "migration-order": {"operator", "admin", SUPERUSER},
    "migration-look": {"operator", "admin", SUPERUSER},
    "migration-close": {"admin", SUPERUSER},
    "rollback-copy-delete": {"admin", SUPERUSER},
    "migrations-dismiss": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "host-add": {"admin", SUPERUSER},
    "host-edit": {"admin", SUPERUSER},
    "host-key": {"admin", SUPERUSER},
    "host-remove": {"admin", SUPERUSER},
    "introduction-ask": {"admin", SUPERUSER},
    "host-refresh": {"viewer", "operator", "admin", SUPERUSER},
    "pool-volumes": {"viewer", "operator", "admin", SUPERUSER},
    "policy-add": {"admin", SUPERUSER},
    "policy": {"admin", SUPERUSER},
    "policy-remove": {"admin", SUPERUSER},
    "policy-of-installation": {"admin", SUPERUSER},
    "policy-of-host": {"admin", SUPERUSER},
    "policy-of-vm": {"operator", "admin", SUPERUSER},
}
#: the same for the API
OPERATIONS = {
    "/hosts": {"admin", SUPERUSER},
    "/hosts/{host_id}/refresh": {"viewer", "operator", "admin", SUPERUSER},
    "/preflights": {"operator", "admin", SUPERUSER},
    "/migrations": {"operator", "admin", SUPERUSER},
    "/migrations/{migration_id}/cancel": {"operator", "admin", SUPERUSER},
    "/migrations/{migration_id}/orders": {"operator", "admin", SUPERUSER},
    "/migrations/{migration_id}/look": {"operator", "admin", SUPERUSER},
    "/migrations/{migration_id}/close": {"admin", SUPERUSER},
    "/rollback-copies/{copy_id}/delete": {"admin", SUPERUSER},
    "/policies": {"admin", SUPERUSER},
    "/policies/{name}": {"admin", SUPERUSER},
    "/policy-choices/installation": {"admin", SUPERUSER},
    "/policy-choices/hosts/{host}": {"admin", SUPERUSER},
    "/guests/{uuid}": {"operator", "admin", SUPERUSER},
}
#: those that are no POST
METHODS = {
    "/policies/{name}": ("patch", "delete"),
    "/policy-choices/installation": ("put",),
    "/policy-choices/hosts/{host}": ("put",),
    "/guests/{uuid}": ("patch",),
}
#: name of the address -> roles that may look at it
LOOKS = {
    "dashboard": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "host-list": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "host": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "pool": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "search": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "vm-list": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "vm": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "migration-list": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "migration": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "migration-record": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "migration-samples": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "migration-numbers": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "rollback-copy-list": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "rollback-copy": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "rollback-copy-delete": {"admin", SUPERUSER},
    "preflight": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "vm-migrate": {"operator", "admin", SUPERUSER},
    "migration-close": {"admin", SUPERUSER},
    "host-add": {"admin", SUPERUSER},
    "host-edit": {"admin", SUPERUSER},
    "introduction": {"admin", SUPERUSER},
    "policy-list": {"viewer", "operator", "auditor", "admin", SUPERUSER},
    "policy-add": {"admin", SUPERUSER},
    "policy": {"admin", SUPERUSER},
}


@pytest.fixture
def people(scene: dict[str, Any]) -> dict[str, User]:
    return {
        "": seed.make_person("stan", None),
        "viewer": scene["viewer"],
        "operator": scene["olga"],
        "auditor": seed.make_person("udo", Role.AUDITOR),
        "admin": seed.make_person("anna", Role.ADMIN),
        SUPERUSER: seed.make_person("sue", None, is_superuser=True),
        INACTIVE: seed.make_person("ines", None, is_superuser=True, is_active=False),
    }


def _address(scene: dict[str, Any], name: str) -> str:
    arguments: dict[str, Any] = {
        "vm-migrate": scene["idle"].pk,
        "vm-preflight": scene["idle"].pk,
        "vm": scene["idle"].pk,
        "policy-of-vm": scene["idle"].pk,
        **dict.fromkeys(("policy", "policy-remove"), Policy.objects.get(name="gentle").pk),
        "migration-cancel": scene["queued"].pk,
        "migration-order": scene["queued"].pk,
        "migration-look": scene["attention"].pk,
        "migration-close": scene["attention"].pk,
        **dict.fromkeys(
            ("migration", "migration-record", "migration-samples", "migration-numbers"), scene["running"].pk
        ),
        **dict.fromkeys(("pool", "pool-volumes"), StoragePool.objects.first().pk),  # type: ignore[union-attr]
        "preflight": scene["report"].pk,
        **dict.fromkeys(("rollback-copy", "rollback-copy-delete"), scene["kept"].pk),
    }
    if name in (
        "host-add",
        "introduction-ask",
        "dashboard",
        "host-list",
        "vm-list",
        "vm-forget",
        "migration-list",
        "migrations-dismiss",
        "rollback-copy-list",
        "search",
        "policy-list",
        "policy-add",
        "policy-of-installation",
    ):
        return reverse(name)
    return reverse(name, args=[arguments.get(name, scene["d"].pk)])


def _refusal(answer: Any) -> str:
    """How a page refused a user; "" when it did not."""
    if answer.status_code == 302 and answer["Location"].startswith(reverse("account_login")):
        return "to the login"
    return "forbidden" if answer.status_code == 403 else ""


def _expected(role: str, allowed: set[str]) -> str:
    """Nobody inactive stays logged in."""
    return "" if role in allowed else "to the login" if role == INACTIVE else "forbidden"


def _record() -> list[int]:
    """Of everything but refusals, which are noted themselves."""
    counts = [
        model.objects.count()
        for model in (Migration, Preflight, Host, Errand, Introduction, Policy, PolicyChoice, GuestConsent)
    ]
    return [*counts, Entry.objects.exclude(topic=writer.LOGINS).count()]


def test_a_superuser_has_every_right_and_an_inactive_one_none(people: dict[str, User]) -> None:
    assert {right for right in Right if may(people[SUPERUSER], right)} == set(Right)
    assert not any(may(people[INACTIVE], right) for right in Right)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_form_is_taken_only_from_those_who_may(scene: dict[str, Any], people: dict[str, User], name: str) -> None:
    address = _address(scene, name)
    for role in ROLES:
        before = _record()
        answer = client_of(people[role]).post(address, {})
        assert _refusal(answer) == _expected(role, PAGES[name]), (role, answer.status_code)
        assert answer.status_code < 500
        if role not in PAGES[name]:
            assert _record() == before


def test_every_address_that_takes_a_form_is_entered_above(scene: dict[str, Any], as_admin: Client) -> None:
    assert _answering(scene, as_admin.post) == set(PAGES)


def _answering(scene: dict[str, Any], method: Any) -> set[str]:
    """The names of the addresses that do not answer to it with 405."""
    taking = set()
    examples = {"int": scene["d"].pk, "uuid": scene["idle"].pk}
    for pattern in [*hosts_urls.urlpatterns, *migrations_urls.urlpatterns]:
        assert isinstance(pattern, URLPattern)
        assert pattern.name is not None
        converters = pattern.pattern.converters
        kwargs = {
            key: examples["uuid" if type(converter).__name__ == "UUIDConverter" else "int"]
            for key, converter in converters.items()
        }
        if method(reverse(pattern.name, kwargs=kwargs)).status_code != 405:
            taking.add(pattern.name)
    return taking


@pytest.mark.parametrize("name", sorted(LOOKS))
def test_a_page_is_shown_only_to_those_who_may(scene: dict[str, Any], people: dict[str, User], name: str) -> None:
    for role in ROLES:
        if name == "introduction":  # everybody sees only their own
            scene["d"].pk = Introduction.objects.create(fields={}, asked_by=people[role]).pk
        answer = client_of(people[role]).get(_address(scene, name))
        assert _refusal(answer) == _expected(role, LOOKS[name]), role
        assert (answer.status_code == 200) == (role in LOOKS[name]), role


def test_every_page_is_entered_above(scene: dict[str, Any], as_admin: Client) -> None:
    assert _answering(scene, as_admin.get) == set(LOOKS)


def test_what_the_api_shows_is_for_everybody_with_a_role(scene: dict[str, Any], people: dict[str, User]) -> None:
    numbers = {"host_id": scene["a"].pk, "migration_id": scene["running"].pk, "preflight_id": scene["report"].pk}
    numbers["copy_id"] = scene["kept"].pk
    numbers["name"] = "gentle"
    numbers["order_id"] = scene["running"].orders.create(what="finish", asked_at=timezone.now()).pk
    reading = [path for path, methods in api.get_openapi_schema()["paths"].items() if "get" in methods]
    numbers["team_id"] = Team.objects.create(name="Shop").pk
    assert len(reading) > 5
    for role in ROLES:
        headers = {"Authorization": f"Bearer {Token.issue(people[role])}"}
        for path in reading:
            status = Client().get(path.format(uuid=scene["idle"].pk, **numbers), headers=headers).status_code
            expected = {"": (403, 404), INACTIVE: (401,)}.get(role, (200,))
            if path.endswith("/me") and not role:  # who they are
                expected = (200,)
            if path.endswith("/journal") and "{" not in path and role in ("viewer", "operator"):
                expected = (403,)
            assert status in expected, (role, path, status)


def test_every_operation_that_changes_something_is_entered_above() -> None:
    paths = api.get_openapi_schema()["paths"]
    changing = {
        (path.removeprefix("/api/v1"), method)
        for path, methods in paths.items()
        for method in methods
        if method != "get" and not path.startswith("/api/v1/teams")  # tests/db/test_teams.py
    }
    assert changing == {(path, method) for path in OPERATIONS for method in METHODS.get(path, ("post",))}


@pytest.mark.parametrize(
    ("method", "path"), [(method, path) for path in sorted(OPERATIONS) for method in METHODS.get(path, ("post",))]
)
def test_an_operation_is_done_only_for_those_who_may(
    scene: dict[str, Any], people: dict[str, User], method: str, path: str
) -> None:
    names = {"name": "gentle", "host": "kvm-a", "uuid": scene["idle"].pk, "host_id": scene["a"].pk}
    address = "/api/v1" + path.format(migration_id=scene["queued"].pk, copy_id=scene["kept"].pk, **names)
    move = {"guest": str(scene["idle"].pk), "target": "nowhere"}
    bodies = {"/preflights": move, "/migrations": move, "/hosts": {"name": "x", "transport": "tcp", "address": "a/b"}}
    bodies["/migrations/{migration_id}/close"] = {"reason": "seen on kvm-b"}
    bodies["/migrations/{migration_id}/orders"] = {"what": "cancel"}
    bodies["/rollback-copies/{copy_id}/delete"] = {"confirm": "idle-01"}
    bodies["/policies"] = {"name": "gentle"}
    bodies |= {key: {"policy": "gentle"} for key in ("/policy-choices/installation", "/policy-choices/hosts/{host}")}
    bodies["/guests/{uuid}"] = {"consent": {"slow": "never"}, "policy": "gentle"}
    for role in ROLES:
        before = _record()
        headers = {"Authorization": f"Bearer {Token.issue(people[role])}"}
        send = getattr(Client(), method)
        answer = send(address, bodies.get(path, {}), content_type="application/json", headers=headers)
        allowed = role in OPERATIONS[path]
        if allowed:
            assert answer.status_code not in (401, 403, 404), (role, answer.status_code, answer.content)
        else:  # somebody without a role does not even learn what exists
            assert answer.status_code in ((401,) if role == INACTIVE else (403, 404)), (role, answer.status_code)
        assert answer["Content-Type"].startswith(
            "application/json" if answer.status_code < 400 else "application/problem+json"
        )
        if not allowed:
            assert _record() == before


# --- where nothing is to be seen --------------------------------------------------------------------------------------


def test_who_is_refused_can_go_on(scene: dict[str, Any], as_viewer: Client) -> None:
    for address, status in ((f"/vms/{scene['idle'].pk}/migrate/", 403), ("/hosts/add/", 403), ("/nowhere/", 404)):
        answer = as_viewer.get(address)
        page = answer.content.decode()
        assert answer.status_code == status
        assert '<nav class="rail"' in page, address
        assert 'id="search"' in page, address
        assert page.count("<main") == page.count("<h1>") == 1, address


def test_a_form_from_another_login_leaves_the_navigation(scene: dict[str, Any]) -> None:
    client = client_of(scene["olga"], enforce_csrf_checks=True)
    answer = client.post(f"/migrations/{scene['running'].pk}/cancel/")
    assert answer.status_code == 403
    assert '<nav class="rail"' in answer.content.decode()


def test_no_navigation_where_it_leads_nowhere(scene: dict[str, Any]) -> None:
    """All its pages would be refused."""
    stan = client_of(seed.make_person("stan", None)).get("/vms/")
    for answer in (stan, Client().get("/accounts/signup/")):
        assert "<nav" not in answer.content.decode()
