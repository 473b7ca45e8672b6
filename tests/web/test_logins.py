"""Guessing is slowed down by name and address, and who logs in, does not, or is refused is in the journal."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from kvmweb import asgi
from kvmweb.accounts import logins, throttle
from kvmweb.accounts.models import Token
from kvmweb.journal.models import Entry
from tests.web import seed
from tests.web.conftest import client_of

pytestmark = pytest.mark.django_db
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def _no_counts_from_before() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"is": time.time()}
    monkeypatch.setattr(throttle, "time", lambda: now["is"])
    return now


def _try(name: str, password: str, address: str) -> Any:
    return Client(REMOTE_ADDR=address).post("/accounts/login/", {"login": name, "password": password})


def _lock(name: str = "olga", address: str = HERE) -> Any:
    for _ in range(throttle.FREE):
        assert _try(name, "wrong", address).status_code == 200
    return _try(name, "wrong", address)


def _notes() -> list[str]:
    return list(Entry.objects.filter(topic="logins").order_by("id").values_list("text", flat=True))


# --- slowed down ------------------------------------------------------------------------------------------------------


def test_who_guesses_waits_and_the_right_person_elsewhere_does_not(scene: dict[str, Any]) -> None:
    answer = _lock()
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= throttle.FIRST_SECONDS + 1
    assert b"Too many attempts" in answer.content
    assert _try("olga", seed.PASSWORD, HERE).status_code == 429  # here not even the right one is looked at
    assert _try("olga", seed.PASSWORD, ELSEWHERE).status_code == 302
    assert _try("vera", seed.PASSWORD, HERE).status_code == 302


def test_the_wait_grows_and_ends(scene: dict[str, Any], clock: dict[str, float]) -> None:
    waits = []
    for _ in range(4):
        while (answer := _try("olga", "wrong", HERE)).status_code == 200:
            pass
        waits.append(int(answer["Retry-After"]))
        clock["is"] += waits[-1] + 1
    assert waits == sorted(waits)
    assert waits[3] > 4 * waits[0]
    assert _try("olga", seed.PASSWORD, HERE).status_code == 302
    assert _try("olga", "wrong", HERE).status_code == 200  # forgotten: it begins anew
    assert [throttle.delay(tries) for tries in (0, 4, 5, 6, 99999)] == [0, 0, 10, 20, throttle.LONGEST_SECONDS]


def test_trying_while_one_has_to_wait_does_not_make_it_longer(scene: dict[str, Any], clock: dict[str, float]) -> None:
    first = int(_lock()["Retry-After"])
    for _ in range(20):
        assert int(_try("olga", "wrong", HERE)["Retry-After"]) <= first
    clock["is"] += first + 1
    assert _try("olga", seed.PASSWORD, HERE).status_code == 302


def test_many_tries_at_once_are_counted_one_by_one() -> None:
    assert [throttle.begin("olga", HERE) for _ in range(7)][:5] == [0] * 5
    assert throttle.begin("olga", HERE) > 0


def test_the_addresses_of_one_ipv6_network_are_one(scene: dict[str, Any]) -> None:
    for last in range(throttle.FREE):
        _try("olga", "wrong", f"2001:db8::{last}")
    assert _try("olga", "wrong", "2001:db8::ffff").status_code == 429
    assert _try("olga", seed.PASSWORD, "2001:db8:0:1::1").status_code == 302


def test_somebody_on_the_console_unlocks(scene: dict[str, Any]) -> None:
    assert _lock().status_code == 429
    _lock("vera")
    out = io.StringIO()
    call_command("unlock", "olga", stdout=out)
    assert out.getvalue() == "olga can try to log in again now.\n"
    assert _try("olga", seed.PASSWORD, HERE).status_code == 302
    assert _try("vera", seed.PASSWORD, HERE).status_code == 429
    assert Entry.objects.latest("id").topic == "logins"
    assert Entry.objects.filter(text="Somebody on the command line unlocked olga").count() == 1
    with pytest.raises(CommandError, match="nobody"):
        call_command("unlock", "nobody")


def test_an_unlocking_holds_for_the_wait_that_it_ended(scene: dict[str, Any]) -> None:
    _lock()
    call_command("unlock", "olga", stdout=io.StringIO())
    assert _lock().status_code == 429


# --- where from -------------------------------------------------------------------------------------------------------


async def _address(peer: str, forwarded: str, trusted: tuple[str, ...]) -> str:
    """The client's address behind the door."""
    seen: list[str] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    door = asgi.FromClient(inside, trusted)
    headers = [(b"x-forwarded-for", forwarded.encode())]
    scope = {"type": "http", "client": (peer, 1), "headers": headers}
    await ApplicationCommunicator(door, scope).receive_output(3)
    return seen[0]


async def test_a_forwarded_address_is_believed_from_a_listed_proxy_only(caplog: pytest.LogCaptureFixture) -> None:
    assert await _address("127.0.0.1", "203.0.113.9", ()) == "127.0.0.1"
    assert "ignored X-Forwarded-For from 127.0.0.1" in caplog.text
    assert await _address("127.0.0.1", "203.0.113.9", ("127.0.0.1",)) == "203.0.113.9"
    assert await _address("10.0.0.7", "203.0.113.9", ("127.0.0.1", "10.0.0.0/24")) == "203.0.113.9"
    assert await _address("10.0.1.7", "203.0.113.9", ("127.0.0.1", "10.0.0.0/24")) == "10.0.1.7"
    # what a client sent itself stands on the left of what the proxy saw
    assert await _address("127.0.0.1", "8.8.8.8, 203.0.113.9", ("127.0.0.1",)) == "203.0.113.9"


# --- the journal ------------------------------------------------------------------------------------------------------


def test_logins_and_what_is_none_are_in_the_journal(scene: dict[str, Any]) -> None:
    scene["viewer"].is_active = False
    scene["viewer"].save()
    _try("olga", seed.PASSWORD, HERE)
    _try("olga", "wrong", HERE)
    _try("vera", seed.PASSWORD, HERE)
    _try("no\u202ebody", "wrong", HERE)
    assert _notes() == [
        "olga logged in from 192.0.2.1",
        "Failed login: olga from 192.0.2.1",
        "Failed login: vera (inactive user) from 192.0.2.1",
        "Failed login: no\ufffdbody (unknown user) from 192.0.2.1",
    ]
    first = Entry.objects.filter(topic="logins").order_by("id")[0]
    assert first.actor == scene["olga"]
    assert first.body == {"event": "login", "address": HERE, "name": "olga"}
    assert "wrong" not in str(list(Entry.objects.filter(topic="logins").values_list("body", flat=True)))


def test_throttling_is_in_the_journal(scene: dict[str, Any]) -> None:
    _lock()
    assert re.fullmatch(r"olga from 192\.0\.2\.1 must wait \d+ s after too many failed logins", _notes()[-1])
    for _ in range(60):
        answer = _try("zoe", "", HERE)
    assert answer.status_code == 429
    assert _notes()[-1] == "Too many attempts from 192.0.2.1: /accounts/login/"


def test_a_refusal_is_in_the_journal_and_one_line_of_the_log(
    scene: dict[str, Any], as_viewer: Client, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    assert as_viewer.get("/hosts/add/", REMOTE_ADDR=HERE).status_code == 403
    headers = {"Authorization": f"Bearer {Token.issue(scene['viewer'])}"}
    body = {"name": "x", "transport": "tcp", "address": "192.0.2.9"}
    answer = Client(REMOTE_ADDR=HERE).post("/api/v1/hosts", body, content_type="application/json", headers=headers)
    assert answer.status_code == 403
    reason = "Adding and changing hosts requires the admin role."
    assert _notes() == [
        f"vera was denied GET /hosts/add/ from 192.0.2.1: {reason}",
        f"vera was denied POST /api/v1/hosts from 192.0.2.1: {reason}",
    ]
    assert "Traceback" not in caplog.text
    assert len([record for record in caplog.records if record.name == "django.request"]) == 2


def test_nobody_fills_the_journal_by_guessing(scene: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for number in range(55):
        _try(f"name-{number}", "wrong", HERE)
    assert len(_notes()) == logins.MOST_NOTES
    assert _notes()[-1].endswith("are in the log only.")
    assert len([record for record in caplog.records if "name-" in record.getMessage()]) >= 55
    _try("olga", seed.PASSWORD, HERE)
    assert _notes()[-1] == "olga logged in from 192.0.2.1"


def test_an_admin_finds_a_person_s_logins(scene: dict[str, Any]) -> None:
    _try("olga", seed.PASSWORD, HERE)
    page = client_of(scene["admin"]).get("/console/history/", {"q": "olga logged"})
    assert b"olga logged in from 192.0.2.1" in page.content
