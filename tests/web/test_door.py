"""The way in and out: passwords, caches, sizes, addresses that mean nothing."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from channels.routing import URLRouter
from django.conf import settings as configured
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from kvmweb import queue
from kvmweb.accounts import sessions
from kvmweb.accounts.models import Token
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.web.bodies import BodyLimit
from kvmweb.web.plain import isolated
from migrations_app.models import Migration
from migrations_app.reading import follow
from migrations_app.routing import websocket_urlpatterns
from tests.web import seed
from tests.web.api_client import Api
from tests.web.conftest import client_of

CHANGE = "/accounts/password/change/"
NEW = "another password 22"
LONG = "9" * 4301


def _change(client: Client, **other: str) -> Any:
    form = {"oldpassword": seed.PASSWORD, "password1": NEW, "password2": NEW, **other}
    return client.post(CHANGE, form)


# --- passwords ------------------------------------------------------------------------------------------------------


def test_somebody_changes_their_own_password(scene: dict[str, Any], as_viewer: Client) -> None:
    elsewhere = client_of(scene["viewer"])
    assert CHANGE.encode() in as_viewer.get("/").content
    assert as_viewer.get(CHANGE).status_code == 200
    answer = _change(as_viewer)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert b"Password changed" in as_viewer.get("/").content  # still logged in
    assert elsewhere.get("/").status_code == 302
    assert Client().post("/accounts/login/", {"login": "vera", "password": NEW})["Location"] == "/"
    said = Entry.objects.filter(kind=EntryKind.ACTION).latest("id")
    assert (said.actor, said.text) == (scene["viewer"], "vera changed their password")


@pytest.mark.parametrize(
    "wrong", [{"oldpassword": "x"}, {"password1": "short", "password2": "short"}, {"password2": "different one 33"}]
)
def test_a_password_that_does_not_fit_is_said_so(as_viewer: Client, wrong: dict[str, str]) -> None:
    answer = _change(as_viewer, **wrong)
    assert answer.status_code == 200
    assert b'class="problem"' in answer.content
    assert not Entry.objects.filter(text__contains="their password").exists()


def test_guessing_the_old_password_is_slowed_down_in_words(as_viewer: Client) -> None:
    cache.clear()
    answer = [_change(as_viewer, oldpassword=f"guess {i}") for i in range(6)][-1]
    cache.clear()
    assert answer.status_code == 429
    assert b"Too many attempts" in answer.content


# --- sessions -------------------------------------------------------------------------------------------------------


def test_a_socket_ends_with_its_session(scene: dict[str, Any]) -> None:
    viewer = scene["viewer"]
    key = client_of(viewer).session.session_key
    assert follow.refusal(viewer.pk, key, ["inventory"]) == 0
    assert follow.refusal(scene["olga"].pk, key, ["inventory"]) == follow.NOT_LOGGED_IN
    Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert follow.refusal(viewer.pk, key, ["inventory"]) == follow.NOT_LOGGED_IN


def test_a_socket_ends_when_the_password_changes(scene: dict[str, Any]) -> None:
    viewer = scene["viewer"]
    key = client_of(viewer).session.session_key
    viewer.set_password(NEW)
    viewer.save()
    assert follow.refusal(viewer.pk, key, ["inventory"]) == follow.NOT_LOGGED_IN


def test_expired_sessions_are_swept(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (client_of(scene[name]).session.session_key for name in ("viewer", "olga"))
    Session.objects.filter(pk=old).update(expire_date=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(queue, "_swept", float("-inf"))
    queue.sweep()
    assert list(Session.objects.filter(pk__in=(old, new)).values_list("pk", flat=True)) == [new]


def _later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    now = time.time() + timedelta(**by).total_seconds()
    monkeypatch.setattr(sessions, "time", lambda: now)


def _in(client: Client, **headers: str) -> bool:
    return client.get("/vms/", headers=headers).status_code == 200


def test_a_login_ends_when_nobody_used_it(
    scene: dict[str, Any], as_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = as_viewer.session.session_key
    _later(monkeypatch, hours=11)
    assert _in(as_viewer)
    _later(monkeypatch, hours=22)
    assert _in(as_viewer)
    assert follow.refusal(scene["viewer"].pk, key, ["inventory"]) == 0
    _later(monkeypatch, hours=34, minutes=1)
    assert follow.refusal(scene["viewer"].pk, key, ["inventory"]) == follow.NOT_LOGGED_IN
    assert as_viewer.get("/vms/?q=web").headers["Location"] == "/accounts/login/?next=/vms/%3Fq%3Dweb"
    assert not Session.objects.filter(pk=key).exists()


def test_a_page_that_reads_itself_again_is_not_its_user(as_viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    _later(monkeypatch, hours=11)
    assert _in(as_viewer, **{"HX-Request": "true", "HX-Trigger": "socket"})
    _later(monkeypatch, hours=13)
    assert not _in(as_viewer)


def test_a_login_ends_after_its_longest_time_however_busy(as_viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for hours in range(10, 337, 10):
        _later(monkeypatch, hours=hours)
        assert _in(as_viewer)
    _later(monkeypatch, hours=337)
    assert not _in(as_viewer)


def test_a_database_that_is_busy_ends_no_login(as_viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise UpdateError

    _later(monkeypatch, hours=1)
    monkeypatch.setattr(type(as_viewer.session), "save", busy)
    assert _in(as_viewer)


def test_answers_of_the_api_stay_out_of_caches(scene: dict[str, Any]) -> None:
    api = Api(scene["olga"])
    for path in ("/hosts", "/hosts/999999999", "/nothing"):
        assert api.get(path)["Cache-Control"] == "no-store", path
    assert Client().get("/api/v1/hosts")["Cache-Control"] == "no-store"


def test_a_token_over_plain_http_is_refused_and_not_redirected(scene: dict[str, Any], settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"https": True})
    settings.SECURE_REDIRECT_EXEMPT = ["^healthz$", "^api/"]
    token = {"Authorization": f"Bearer {Token.issue(scene['olga'])}"}
    for address in ("/api/v1/hosts", "/api/v1/nothing", "/api/v1/docs"):
        answer = Client().get(address, headers=token)
        assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
        assert "Revoke that token" in answer.json()["detail"]
    assert Client().get("/api/v1/hosts", headers=token | {"X-Forwarded-Proto": "https"}).status_code == 200


def test_pages_of_people_stay_out_of_caches(as_viewer: Client) -> None:
    for address in ("/", "/vms/", CHANGE):
        assert "no-store" in as_viewer.get(address)["Cache-Control"], address


# --- log-in ---------------------------------------------------------------------------------------------------------


def test_trying_many_names_does_not_forget_who_was_tried(scene: dict[str, Any]) -> None:
    cache.clear()

    def refused(name: str) -> bool:
        form = {"login": name, "password": "wrong-wrong-1"}
        return Client(REMOTE_ADDR="10.1.1.1").post("/accounts/login/", form).status_code == 429

    assert [refused("olga") for _ in range(6)] == [False] * 5 + [True]
    for number in range(400):  # more than Django's cache keeps by itself
        cache.set(f"somebody-{number}", 1)
    assert refused("olga")
    cache.clear()


def test_a_garbled_address_does_not_keep_anybody_out(scene: dict[str, Any]) -> None:
    cache.clear()
    form = {"login": "olga", "password": seed.PASSWORD}
    for address in ("garbage", "", "<script>"):
        assert Client(REMOTE_ADDR=address).post("/accounts/login/", form).status_code == 302


def test_accounts_leads_somewhere(as_viewer: Client) -> None:
    assert as_viewer.get("/accounts/")["Location"] == "/"


def test_another_host_name_is_answered_in_words(client: Client) -> None:
    answer = client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert b"could not read this request" in answer.content


def test_supervisors_are_not_sent_to_https(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = ["^healthz$"]
    assert client.get("/healthz").status_code == 200
    assert client.get("/accounts/login/").status_code == 301


# --- addresses ------------------------------------------------------------------------------------------------------


def test_the_address_does_not_say_how_long_a_page_is(scene: dict[str, Any], as_viewer: Client) -> None:
    for number in range(60):
        seed.make_guest(f"many-{number:02}", scene["a"])
    for per_page in ("-1", "0", "100000"):
        table = as_viewer.get("/vms/", {"per_page": per_page}).context["table"]
        assert len(table.page.object_list) == 50
    for page, number in (("-3", 1), ("x", 1), (LONG, 1), ("2", 2), ("9999", 2)):
        assert as_viewer.get("/vms/", {"page": page}).context["table"].page.number == number, page


@pytest.mark.parametrize(
    "query",
    [{"q": "x" * 201}, {"q": "a\0b"}, {"host": "zzz"}, {"host": LONG}, {"host": "9" * 25}, {"state": "bogus"}],
    ids=str,
)
def test_a_filter_that_does_not_fit_says_so(as_viewer: Client, query: dict[str, str]) -> None:
    for address in ("/vms/", "/migrations/"):
        answer = as_viewer.get(address, query)
        assert answer.status_code == 200
        assert b'class="problem"' in answer.content, address
        assert not answer.context["table"].rows, address
        assert b" matches. <a" in answer.content, address


def test_a_host_that_there_is_not_has_no_vms(as_viewer: Client) -> None:
    for query in ({"host": "999999999"}, {"host": "999999999", "state": "running"}):
        page = as_viewer.get("/vms/", query).content.decode()
        assert "No VM matches." in page
        assert "there is no such choice, so nothing matches." in page
    assert "No migration matches." in as_viewer.get("/migrations/", {"source": "999999999"}).content.decode()


@pytest.mark.parametrize("number", [LONG, "9" * 25, "²", "٣", "-1", "\0", ""], ids=["long", *"abcdef"])
def test_numbers_in_addresses_that_are_none(scene: dict[str, Any], as_admin: Client, number: str) -> None:
    assert as_admin.get(f"/vms/{scene['idle'].pk}/migrate/", {"preflight": number}).status_code == 200
    for address in ("/hosts/add/", f"/hosts/{scene['a'].pk}/edit/"):
        assert as_admin.get(address, {"introduction": number}).status_code == 200
    tried = {"host": number, "transport": "ssh", "address": "a/b"}
    assert as_admin.post("/hosts/introductions/", tried).status_code == 302


async def test_an_unknown_address_of_a_socket_is_denied(db: None) -> None:
    said: list[dict[str, Any]] = []
    coming = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006}]

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await URLRouter(websocket_urlpatterns)({"type": "websocket", "path": "/ws/none/"}, receive, send)
    assert [message["type"] for message in said] == ["websocket.close"]


# --- bodies ---------------------------------------------------------------------------------------------------------

MOST = configured.DATA_UPLOAD_MAX_MEMORY_SIZE


async def _send(path: str, *bodies: bytes, length: int | None = None) -> tuple[list[dict[str, Any]], int]:
    """What a client gets, and how much of its body the application behind the limit was given."""
    answers: list[dict[str, Any]] = []
    waiting = [
        {"type": "http.request", "body": body, "more_body": i < len(bodies) - 1} for i, body in enumerate(bodies)
    ]
    given = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal given
        while True:
            message = await receive()
            given += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    await BodyLimit(application)({"type": "http", "path": path, "headers": headers}, receive, send)
    return answers, given


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    answers, given = await _send("/api/v1/hosts", b"x", length=MOST + 1)
    assert (answers[0]["status"], given) == (413, 0)
    assert (b"content-type", b"application/problem+json") in answers[0]["headers"]
    assert json.loads(answers[1]["body"])["status"] == 413


async def test_a_body_without_length_is_read_up_to_the_limit() -> None:
    answers, given = await _send("/vms/", b"x" * MOST, b"y", b"z")
    assert (answers[0]["status"], given) == (413, MOST)
    assert b"larger than kvmweb accepts" in answers[1]["body"]


async def test_a_body_that_fits_passes() -> None:
    answers, given = await _send("/vms/", b"x" * MOST, length=MOST)
    assert (answers[0]["status"], given) == (200, MOST)


# --- names that read from right to left -------------------------------------------------------------------------------


def test_a_name_from_right_to_left_stays_in_its_place(scene: dict[str, Any], as_operator: Client) -> None:
    """Stored sentences have the bare name, for programs; pages and refusals isolate it."""
    guest = scene["rtl"]
    assert isolated(guest.name) == f"\u2068\ufffd{guest.name[1:]}\u2069"  # what would turn the line is shown
    here = guest.current_sighting().host
    target = scene["b"] if here == scene["a"] else scene["a"]
    choices = {"target": str(target.pk), "kind": "live", "persist": "on", "undefine_source": "on"}
    as_operator.post(f"/vms/{guest.pk}/migrate/", choices)
    said = Entry.objects.filter(kind=EntryKind.ACTION).latest("id")
    assert f" {guest.name} from" in said.text
    refused = as_operator.post(f"/vms/{guest.pk}/migrate/", choices, follow=True).content.decode()
    assert f"{isolated(guest.name)} is already migrating" in refused
    migration = Migration.objects.filter(guest=guest).latest("id")
    as_operator.post(f"/migrations/{migration.pk}/cancel/")
    page = as_operator.get(f"/migrations/{migration.pk}/").content.decode()
    assert f"{isolated(guest.name)} was not touched" in page
    assert f"{isolated(guest.name)} from" in page


def test_a_person_s_name_from_right_to_left_does_too(scene: dict[str, Any]) -> None:
    person = seed.make_person("\u05d3\u05e0\u05d4", seed.Role.OPERATOR)
    client_of(person).post(f"/migrations/{scene['running'].pk}/cancel/")
    said = Entry.objects.filter(kind=EntryKind.ACTION).latest("id")
    assert said.text == "\u2068\u05d3\u05e0\u05d4\u2069 asked to cancel the migration."
    assert (
        "Cancel requested by \u2068\u05d3\u05e0\u05d4\u2069."
        in client_of(person).get(f"/migrations/{scene['running'].pk}/").content.decode()
    )
