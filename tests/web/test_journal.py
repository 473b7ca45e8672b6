"""Everything a person did is in the journal, with name and reason."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from hosts.models import Host, StoragePool
from kvmweb.accounts.models import Token
from kvmweb.accounts.permissions import Role
from kvmweb.journal.models import Entry, EntryKind
from tests.web import seed
from tests.web.api_client import Api
from tests.web.conftest import client_of


@pytest.fixture
def since(scene: dict[str, Any]) -> int:
    newest = Entry.objects.order_by("-id").first()
    return newest.pk if newest else 0


def _actions(since: int) -> list[tuple[str, str, str]]:
    rows = Entry.objects.filter(kind=EntryKind.ACTION, id__gt=since).order_by("id")
    return [(entry.actor_name, entry.text, entry.reason) for entry in rows]


def test_what_an_admin_does_to_a_person(scene: dict[str, Any], as_admin: Client, since: int) -> None:
    vera = scene["viewer"]
    name, admin = vera.username, scene["admin"].username
    page = f"/console/people/{vera.pk}"
    form = {"username": name, "email": "", "roles": ["operator"]}
    as_admin.post(f"{page}/change/", form | {"reason": "on call now"})
    as_admin.post(f"{page}/change/", form)  # nothing new
    as_admin.post(f"{page}/active/", {"active": "no"})
    password = {"password": "abc def ghi 12", "again": "abc def ghi 12", "own_password": seed.PASSWORD}
    as_admin.post(f"{page}/password/", password)
    as_admin.post(f"{page}/password/", password | {"again": "another"})
    assert _actions(since) == [
        (admin, f"{admin} changed the user {name}: roles viewer → operator", "on call now"),
        (admin, f"{admin} changed the user {name}: active yes → no", ""),
        (admin, f"{admin} set a new password for {name}", ""),
    ]


def test_a_person_that_an_admin_makes(scene: dict[str, Any], as_admin: Client, since: int) -> None:
    form = {"username": "pia", "password": "pias-password-1", "again": "pias-password-1", "reason": "new here"}
    as_admin.post("/console/people/add/", form)
    admin = scene["admin"].username
    text = f"{admin} created the user pia: roles none, active yes, superuser no"
    assert _actions(since) == [(admin, text, "new here")]


def test_what_is_done_to_people_on_the_console(
    scene: dict[str, Any], since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("viewer", "operator"):
        monkeypatch.setattr("sys.stdin", io.StringIO("a long password 7788\n"))
        call_command("create_user", "pia", role=role, password_stdin=True, stdout=io.StringIO())
    call_command("create_token", "pia", stdout=io.StringIO())
    out = io.StringIO()
    call_command("revoke_tokens", "pia", stdout=out)
    assert out.getvalue() == "pia: 1 token revoked.\n"
    assert not Token.objects.filter(user__username="pia").exists()
    console = "Somebody on the command line"
    assert [text for _, text, _ in _actions(since)] == [
        f"{console} created the user pia: roles viewer, active yes, superuser no",
        f"{console} changed the user pia: roles viewer → operator",
        f"{console} set a new password for pia",
        f"{console} created an API token for pia",
        f"{console} revoked the API tokens of pia",
    ]


def test_what_is_asked_of_hosts(scene: dict[str, Any], as_admin: Client, since: int) -> None:
    admin, host = scene["admin"].username, scene["a"]
    pool = StoragePool.objects.filter(host=host).first()
    assert pool is not None
    for _ in range(2):  # while the first one waits, the second changes nothing
        as_admin.post(reverse("host-refresh", args=[host.pk]))
        as_admin.post(reverse("pool-volumes", args=[pool.pk]))
    as_admin.post(reverse("introduction-ask"), {"transport": "tcp", "address": "192.0.2.99"})
    choices = {"target": str(scene["b"].pk), "kind": "live", "persist": "on", "undefine_source": "on"}
    as_admin.post(reverse("vm-preflight", args=[scene["web"].pk]), choices)
    idle = as_admin.post(reverse("vm-preflight", args=[scene["idle"].pk]), choices | {"target": str(host.pk)})
    assert idle.status_code == 302
    texts = [text for _, text, _ in _actions(since)]
    assert texts[:3] == [
        f"{admin} requested a refresh of {host}",
        f"{admin} requested the list of volumes of {pool.name} on {host}",
        f"{admin} tested the connection to tcp 192.0.2.99",
    ]
    assert any("requested a preflight check of" in text for text in texts[3:])


def test_the_reasons_of_what_is_done_to_hosts(scene: dict[str, Any], as_admin: Client, since: int) -> None:
    made = {"name": "kvm-x", "transport": "tcp", "address": "192.0.2.77", "reason": "bought"}
    as_admin.post(reverse("host-add"), made)
    host = Host.objects.get(name="kvm-x")
    as_admin.post(reverse("host-edit", args=[host.pk]), made | {"name": "kvm-y", "reason": "new name"})
    Host.objects.filter(pk=host.pk).update(offered_fingerprint="SHA256:" + "a" * 43, transport="ssh")
    fingerprint = {"fingerprint": "SHA256:" + "a" * 43, "reason": "reinstalled"}
    as_admin.post(reverse("host-key", args=[host.pk]), fingerprint)
    as_admin.post(reverse("host-remove", args=[host.pk]), {"reason": "sold"})
    assert [reason for _, _, reason in _actions(since)] == ["bought", "new name", "reinstalled", "sold"]


@pytest.mark.parametrize("reason", ["a\0b", "x" * 501, "\x1b[31m", "\u202eevil"])
def test_a_reason_that_is_none_is_said_so(scene: dict[str, Any], as_admin: Client, since: int, reason: str) -> None:
    guest, host = scene["idle"].pk, scene["d"].pk
    for address in (f"/migrations/{scene['running'].pk}/cancel/", f"/hosts/{host}/remove/", f"/hosts/{host}/host-key/"):
        answer = as_admin.post(address, {"reason": reason}, follow=True)
        assert answer.status_code == 200
        said = "The reason is longer than 500" if len(reason) > 500 else "Reason must not contain control characters."
        assert said in answer.content.decode(), address
    choices = {"target": str(scene["a"].pk), "kind": "live", "persist": "on", "undefine_source": "on"}
    assert as_admin.post(f"/vms/{guest}/migrate/", choices | {"reason": reason}).status_code == 422
    assert as_admin.post("/hosts/add/", {"transport": "tcp", "name": "n", "reason": reason}).status_code == 422
    assert _actions(since) == []
    assert Host.objects.filter(pk=host).exists()


def test_a_second_person_who_cancels_is_named(scene: dict[str, Any], since: int) -> None:
    address = f"/migrations/{scene['running'].pk}/cancel/"
    admin, olga = scene["admin"], scene["olga"]
    client_of(admin).post(address, {"reason": "first"})
    client_of(admin).post(address, {"reason": "again"})  # changes nothing
    client_of(olga).post(address, {"reason": "second"})
    assert _actions(since) == [
        (admin.username, f"{admin.username} asked to cancel the migration.", "first"),
        (olga.username, f"{olga.username} asked to cancel it too.", "second"),
    ]


def test_a_refused_test_connection_leaves_nothing(scene: dict[str, Any], as_admin: Client, since: int) -> None:
    as_admin.post(reverse("introduction-ask"), {"transport": "tcp", "address": "a/b"})
    assert _actions(since) == []


def test_an_unsafe_check_is_for_admins(scene: dict[str, Any], since: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrations_app.api.preflights.PREFLIGHT_SECONDS", 0.01)
    body = {"guest": str(scene["idle"].pk), "target": scene["a"].name, "options": {"unsafe": True}}
    assert Api(scene["olga"]).post("/preflights", body).status_code == 403
    assert Api(scene["admin"]).post("/preflights", body).status_code == 202


def test_create_user_is_true_about_superusers(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It said "is now viewer" of a user who kept every right."""
    User.objects.filter(pk=scene["admin"].pk).update(is_superuser=True, is_active=False)

    def make(*words: str) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO("a long password 7788\n"))
        out = io.StringIO()
        call_command("create_user", scene["admin"].username, "--password-stdin", *words, stdout=out)
        return out.getvalue()

    assert "is now admin and superuser" in make("--role", "admin", "--superuser")
    said = make("--role", "viewer")
    assert "is now viewer" in said
    assert "is no longer a superuser" in said
    assert "is inactive and cannot log in" in said
    assert not User.objects.get(pk=scene["admin"].pk).is_superuser


def test_an_auditor_exports_what_the_list_shows(scene: dict[str, Any]) -> None:
    client = client_of(seed.make_person("udo", Role.AUDITOR))
    assert b"/console/history/export/?topic=migration" in client.get("/console/history/?topic=migration&q=").content
    answer = client.get("/console/history/export/", {"topic": scene["running"].topic, "q": "olga requested"})
    assert answer["Content-Disposition"] == 'attachment; filename="journal.jsonl"'
    entries = [json.loads(line) for line in answer.content.decode().splitlines()]
    assert [entry["text"] for entry in entries] == ["olga requested the migration of web-01 from kvm-a to kvm-b."]
    assert entries[0]["topic"] == scene["running"].topic
    assert entries[0]["reason"] == "kernel update"
    for person in (scene["viewer"], scene["olga"]):
        assert client_of(person).get("/console/history/export/", follow=True).status_code == 403


def test_the_whole_journal_over_the_api(scene: dict[str, Any]) -> None:
    cache.clear()
    auditor = Api(seed.make_person("udo", Role.AUDITOR))
    client_of(scene["viewer"]).get("/hosts/add/")  # refused, which is noted
    logins = auditor.items("/journal", topic="logins")
    assert [entry["topic"] for entry in logins] == ["logins"]
    assert "was denied GET" in logins[0]["text"]
    first = auditor.get("/journal", limit=2).json()
    rest = auditor.items("/journal", after=first["next"], limit=500)
    assert [entry["id"] for entry in first["items"]] < [entry["id"] for entry in rest]
    assert "signal" not in {entry["kind"] for entry in rest}
    for person in (scene["viewer"], scene["olga"]):
        assert Api(person).get("/journal").status_code == 403
