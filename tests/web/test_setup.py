"""The set-up link: made while there is no user, for one admin, never in a log."""

from __future__ import annotations

import logging
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from kvmweb.accounts import first_admin
from kvmweb.journal.models import Entry

PASSWORD = "a long password 71"

pytestmark = pytest.mark.django_db


@pytest.fixture
def token(settings: Any, tmp_path: Path) -> str:
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"data_dir": tmp_path})
    file = first_admin.offer("http://127.0.0.1:8000")
    assert file is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    link = file.read_text().strip()
    assert link.startswith("http://127.0.0.1:8000/setup/?token=")
    return link.rpartition("=")[2]


def _make(token: str, client: Client | None = None, **other: str) -> Any:
    form = {"token": token, "username": "anna", "password": PASSWORD, "again": PASSWORD, **other}
    return (client or Client()).post("/setup/", form)


def test_the_link_makes_one_admin_and_is_gone(token: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        page = Client().get("/setup/", {"token": token})
        assert page.status_code == 200
        assert b"There is no user yet" in Client().get("/accounts/login/").content
        assert Client().put(f"/setup/?token={token}").status_code == 405
        assert _make(token, Client(enforce_csrf_checks=True)).status_code == 403
        assert _make(token)["Location"] == "/accounts/login/"
    assert token not in caplog.text
    anna = User.objects.get()
    assert (anna.username, [str(grant) for grant in anna.grants.all()], anna.is_superuser) == ("anna", ["admin"], False)
    assert "anna" in Entry.objects.latest("id").text
    assert not first_admin.link_file().exists()
    assert Client().get("/setup/", {"token": token}).status_code == 404
    assert _make(token, username="eve").status_code == 404
    assert b"There is no user yet" not in Client().get("/accounts/login/").content
    assert Client().post("/accounts/login/", {"login": "anna", "password": PASSWORD})["Location"] == "/"


@pytest.mark.parametrize("wrong", ["", "x", "ä", "0" * 43])
def test_another_token_finds_no_page(token: str, wrong: str) -> None:
    assert Client().get("/setup/", {"token": wrong}).status_code == 404
    assert _make(wrong).status_code == 404
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"username": ""}, "required"),
        ({"username": "<b>x</b>"}, "valid username"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"again": "different one 33"}, "different"),
    ],
)
def test_bad_input_is_explained_and_keeps_the_link(token: str, wrong: dict[str, str], said: str) -> None:
    answer = _make(token, **wrong)
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert not User.objects.exists()
    assert _make(token).status_code == 302


def test_a_user_made_meanwhile_ends_it(token: str) -> None:
    User.objects.create_user("bob")
    assert Client().get("/setup/", {"token": token}).status_code == 404
    assert _make(token).status_code == 404
    assert first_admin.offer("http://127.0.0.1:8000") is None
    assert not first_admin.link_file().exists()


def test_of_two_browsers_one_wins(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read the file when one renames it."""
    monkeypatch.setattr(first_admin, "holds", lambda _: True)
    assert first_admin.make(token, "anna", PASSWORD)
    assert not first_admin.make(token, "eve", PASSWORD)
    assert [user.username for user in User.objects.all()] == ["anna"]


def test_an_error_keeps_the_link(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broke:
        broke.setattr(first_admin, "set_roles", broken)
        with pytest.raises(OSError, match="disk full"):
            first_admin.make(token, "anna", PASSWORD)
    assert not User.objects.exists()
    assert _make(token).status_code == 302
