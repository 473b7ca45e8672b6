"""A busy or full database: reading still works, everything else gets 503 and Retry-After."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from approvals.models import Approval
from kvmweb import alarm, asgi, database
from kvmweb.accounts.models import Team, Token
from kvmweb.api import api
from kvmweb.database import Trouble, trouble
from kvmweb.journal.models import Entry
from migrations_app.models import PathRate, RollbackCopy
from portal.models import Window
from tests.web import seed
from tests.web.api_client import check_problem
from tests.web.conftest import client_of

LOGIN = {"login": "olga", "password": seed.PASSWORD}


@pytest.fixture
def scene(transactional_db: None) -> Iterator[dict[str, Any]]:
    cache.clear()
    yield seed.scene()
    alarm._refused, alarm._said = None, ""


@pytest.fixture
def locked(scene: dict[str, Any]) -> Iterator[sqlite3.Connection]:
    """Somebody else is writing, and does not finish. We wait half a second instead of five."""
    connection.connection.execute("PRAGMA busy_timeout = 500")
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
        if other.in_transaction:
            other.execute("ROLLBACK")
    connection.connection.execute("PRAGMA busy_timeout = 20000")


@pytest.fixture
def full(scene: dict[str, Any]) -> Iterator[None]:
    """The database may not grow by a page: what SQLite says is what it says on a full disk."""
    pages = connection.connection.execute("PRAGMA page_count").fetchone()[0]
    connection.connection.execute(f"PRAGMA max_page_count = {pages}")
    _fill()
    yield
    connection.connection.execute("PRAGMA max_page_count = 1073741823")


def _fill() -> None:
    try:
        while True:
            Entry.objects.create(topic="filler", kind="note", text="x" * 3000)
    except OperationalError:
        return


def _calm(client: Client) -> Client:
    client.raise_request_exception = False
    return client


def _headers(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {Token.issue(user)}"}


def _pages(scene: dict[str, Any]) -> list[str]:
    running, host, guest = scene["running"].pk, scene["a"].pk, scene["idle"].pk
    plain = ("dashboard", "host-list", "vm-list", "migration-list", "host-add", "account_change_password")
    plain += ("portal", "request-list", "console", "console-people", "console-person-add", "console-history", "health")
    plain += ("console-quotas", "console-storage", "migration-history", "window-list", "rule-list", "own-tokens")
    some = {"host": host, "host-edit": host, "vm": guest, "vm-migrate": guest, "migration": running}
    some |= {
        "migration-record": running,
        "migration-record-text": running,
        "migration-samples": running,
        "migration-numbers": running,
        "preflight": scene["report"].pk,
        "console-person": scene["olga"].pk,
    }
    return [*map(reverse, plain), *(reverse(name, args=[pk]) for name, pk in some.items()), "/healthz"]


def _unavailable(answer: Any) -> str:
    assert answer.status_code == 503, (answer.status_code, answer.content[:200])
    assert int(answer["Retry-After"]) > 0
    return str(answer.content.decode())


# --- busy -------------------------------------------------------------------------------------------------------------


def test_who_only_reads_does_not_notice(scene: dict[str, Any], request: pytest.FixtureRequest) -> None:
    headers = _headers(scene["admin"])
    client = client_of(scene["admin"])
    numbers = {"host_id": scene["a"].pk, "migration_id": scene["running"].pk, "preflight_id": scene["report"].pk}
    numbers["copy_id"] = RollbackCopy.objects.get().pk
    path = PathRate.objects.create(source=scene["a"], target=scene["b"], asked_at=timezone.now())
    numbers["path_rate_id"] = path.pk
    team = Team.objects.create(name="shop")
    asked = seed.make_request(scene["db"], team, by=scene["olga"])
    approval = {"subject": f"request:{asked.pk}", "guest": scene["db"], "guest_name": "db-01", "role": "lead"}
    numbers |= {"team_id": team.pk, "request_id": asked.pk}
    numbers["approval_id"] = Approval.objects.create(**approval, rule="x", plan_hash="1").pk
    Window.objects.create(name="gentle", rule="FREQ=DAILY", minutes=60)
    names = {"name": "gentle", "username": "olga", "uuid": scene["idle"].pk}
    numbers["order_id"] = scene["running"].orders.create(what="finish", asked_at=timezone.now()).pk
    reading = [path for path, methods in api.get_openapi_schema()["paths"].items() if "get" in methods]
    request.getfixturevalue("locked")
    for address in (*_pages(scene), f"/portal/requests/{asked.pk}/"):
        assert client.get(address).status_code == 200, address
    for path in reading:
        answer = Client().get(path.format(**names, **numbers), headers=headers)
        assert answer.status_code == 200, path
    assert Client().get("/accounts/login/").status_code == 200
    assert Token.objects.get().last_used is None


def test_when_a_token_was_used_is_written_when_it_can_be(scene: dict[str, Any], locked: sqlite3.Connection) -> None:
    locked.execute("ROLLBACK")
    headers = _headers(scene["olga"])
    locked.execute("BEGIN IMMEDIATE")
    assert Client().get("/api/v1/hosts", headers=headers).status_code == 200
    assert Token.objects.get().last_used is None
    locked.execute("ROLLBACK")
    assert Client().get("/api/v1/hosts", headers=headers).status_code == 200
    assert Token.objects.get().last_used is not None


def test_who_wants_to_change_something_hears_when_to_try_again(
    scene: dict[str, Any], request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    admin, headers = _calm(client_of(scene["admin"])), _headers(scene["admin"])
    request.getfixturevalue("locked")
    cancel = reverse("migration-cancel", args=[scene["running"].pk])
    person = reverse("console-person-change", args=[scene["olga"].pk])
    names = {"username": "olga", "roles": "operator"}
    for address, form in ((cancel, {}), (person, names), ("/accounts/logout/", {})):
        page = _unavailable(admin.post(address, form))
        assert "database is busy" in page, address
        assert "Nothing was changed" in page
    assert "database is busy" in _unavailable(_calm(Client()).post("/accounts/login/", LOGIN))
    _unavailable(admin.post(cancel, headers={"HX-Request": "true"}))
    answer = _calm(Client()).post("/api/v1/hosts", _host("x"), content_type="application/json", headers=headers)
    _unavailable(answer)
    assert "database is busy" in check_problem(answer)["detail"]
    assert "Traceback" not in caplog.text
    scene["running"].refresh_from_db()
    assert scene["running"].cancel_requested_at is None


def test_a_wrong_password_is_answered_all_the_same(scene: dict[str, Any], locked: sqlite3.Connection) -> None:
    answer = Client().post("/accounts/login/", {**LOGIN, "password": "wrong"})
    assert answer.status_code == 200
    assert not Entry.objects.filter(topic="logins").exists()


def test_a_trouble_between_the_pages_and_django_is_one_too(scene: dict[str, Any], monkeypatch: Any) -> None:
    """In a middleware: who is logged in cannot be read."""

    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError from _sqlite_error(sqlite3.SQLITE_CANTOPEN)

    client = _calm(client_of(scene["olga"]))
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", away)
    assert "cannot reach its database" in _unavailable(client.get("/vms/"))
    monkeypatch.setattr("kvmweb.accounts.middleware._open", lambda _: False)
    assert check_problem(client.get("/api/v1/hosts"))["status"] == 503
    assert alarm.text() == Trouble.AWAY.sentence


async def test_it_is_one_through_asgi_too(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError from _sqlite_error(sqlite3.SQLITE_BUSY)

    client = AsyncClient(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", away)
    assert "database is busy" in _unavailable(await client.get("/vms/"))


def _host(name: str, number: int = 77) -> dict[str, str]:
    return {"name": name, "transport": "tcp", "address": f"192.0.2.{number}"}


# --- full -------------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_an_alarm_until_something_can_be_stored(
    scene: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    client, headers = _calm(client_of(scene["admin"])), _headers(scene["admin"])
    assert not alarm.look()
    request.getfixturevalue("full")
    sentence = "the disk of its database is full"
    answers = [
        _calm(Client()).post(
            "/api/v1/hosts", _host(f"h{i}" * 20, i + 1), content_type="application/json", headers=headers
        )
        for i in range(40)
    ]
    assert sentence in check_problem(answers[-1])["detail"]
    _unavailable(answers[-1])
    assert Client().get("/api/v1/hosts", headers=headers).status_code == 200
    page = client.get("/").content.decode()
    assert sentence in re.sub(r"(?s).*<div class=\"alarms\"", "", page).split("</div>")[0]
    assert sentence in client.get("/healthz").content.decode()
    assert client.get("/healthz").status_code == 200
    assert alarm.look()
    connection.connection.execute("PRAGMA max_page_count = 1073741823")
    assert alarm.look()
    assert alarm.text() == ""
    assert client.get("/healthz").content == b"ok\n"
    assert sentence not in client.get("/").content.decode()
    assert not alarm.look()


def test_a_disk_that_is_nearly_full_is_an_alarm_before_anything_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert alarm.text() == ""
    monkeypatch.setattr(database, "free_bytes", lambda: 3 * 2**20)
    assert alarm.text() == "The disk with kvmweb's data is almost full: 3 MiB left. Free some space."
    assert alarm.look()
    assert not alarm.look()
    monkeypatch.undo()
    assert alarm.look()


# --- words for errors -------------------------------------------------------------------------------------------------


def _sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("no")
    error.sqlite_errorcode = code
    return error


class Said(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def _wrapped(cause: BaseException) -> OperationalError:
    error = OperationalError("no")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (_sqlite_error(sqlite3.SQLITE_BUSY), Trouble.BUSY),
        (_sqlite_error(sqlite3.SQLITE_BUSY | 2 << 8), Trouble.BUSY),  # an extended code
        (_sqlite_error(sqlite3.SQLITE_FULL), Trouble.FULL),
        (_sqlite_error(sqlite3.SQLITE_IOERR), Trouble.AWAY),
        (_sqlite_error(sqlite3.SQLITE_READONLY), Trouble.AWAY),
        (_sqlite_error(sqlite3.SQLITE_ERROR), None),  # no such table
        (Said("53100"), Trouble.FULL),
        (Said("53300"), Trouble.BUSY),
        (Said("55P03"), Trouble.BUSY),
        (Said("57014"), Trouble.BUSY),
        (Said("57P01"), Trouble.AWAY),
        (Said("42501"), Trouble.AWAY),
        (Said("42P01"), None),
        (ValueError(), None),
    ],
    ids=repr,
)
def test_what_the_database_says_has_a_word(cause: BaseException, expected: Trouble | None) -> None:
    if connection.vendor == "sqlite":
        assert trouble(_wrapped(cause)) is expected


def test_a_full_disk_has_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "free_bytes", lambda: 0)
    assert trouble(_sqlite_error(sqlite3.SQLITE_IOERR)) is Trouble.FULL
    assert trouble(_sqlite_error(sqlite3.SQLITE_BUSY)) is Trouble.BUSY


# --- sockets ----------------------------------------------------------------------------------------------------------


async def _socket(inside: Any) -> list[dict[str, Any]]:
    socket = ApplicationCommunicator(asgi.Patient(inside), {"type": "websocket"})
    await socket.wait(3)
    return [socket.output_queue.get_nowait() for _ in range(socket.output_queue.qsize())]


async def test_a_socket_is_told_to_try_again_later(caplog: pytest.LogCaptureFixture) -> None:
    async def inside(scope: Any, receive: Any, send: Any) -> None:
        raise OperationalError from _sqlite_error(sqlite3.SQLITE_BUSY)

    assert await _socket(inside) == [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 1013}]
    assert [record.getMessage() for record in caplog.records] == [
        f"closed the websocket of a page: {Trouble.BUSY.sentence}"
    ]


async def test_a_mistake_of_ours_in_a_socket_stays_one() -> None:
    async def inside(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await _socket(inside)


async def test_what_is_sent_to_a_closed_tab_is_dropped() -> None:
    """The socket runs until it receives that the tab is gone, and ends cleanly."""
    heard: list[str] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.send", "text": "x"})
        heard.append((await receive())["type"])

    async def receive() -> dict[str, str]:
        return {"type": "websocket.disconnect"}

    async def gone(_: Any) -> None:
        raise OSError

    await asgi.Patient(inside)({"type": "websocket"}, receive, gone)
    assert heard == ["websocket.disconnect"]


def test_the_document_names_it() -> None:
    for path, operations in api.get_openapi_schema()["paths"].items():
        for method, operation in operations.items():
            assert "Retry-After" in operation["responses"][503]["headers"], f"{method} {path}"
