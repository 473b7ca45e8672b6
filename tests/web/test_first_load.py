"""What a browser that comes for the first time is sent, byte by byte: on a slow line a person waits for all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from django.core.management import call_command
from django.test import Client, override_settings

from kvmweb import settings as installed
from tests.web.conftest import client_of

MOST_BYTES = 150_000
COMPRESSED = (".css", ".js", ".svg")


@pytest.fixture(scope="module", autouse=True)
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Collected as `serve` does, and not as in other tests."""
    with override_settings(
        STATIC_ROOT=tmp_path_factory.mktemp("static"),
        STORAGES=installed.STORAGES,
        SERVESTATIC_USE_FINDERS=False,
        SERVESTATIC_AUTOREFRESH=False,
    ):
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        yield


class Load:
    """A page, all that it names, and all that this names: answers, and bytes on the wire, by address."""

    def __init__(self, client: Client, page: str) -> None:
        self.answers: dict[str, Any] = {}
        self.bytes: dict[str, int] = {}
        self._fetch(client, page)

    def _fetch(self, client: Client, url: str) -> None:
        if url in self.answers:
            return
        answer: Any = client.get(url, headers={"accept-encoding": "gzip, deflate"})
        assert answer.status_code == 200, url
        self.answers[url] = answer
        self.bytes[url] = len(f"HTTP/1.1 200 OK\r\n{answer.serialize_headers().decode()}\r\n\r\n") + len(body(answer))
        text = body(client.get(url)).decode(errors="replace")
        in_sheets = r"""url\(["']?(?!data:)([^"')#]+)"""
        for name in re.findall(in_sheets if url.endswith(".css") else r'\b(?:src|href)="(/static/[^"#]+)', text):
            self._fetch(client, urljoin(url, name))


def body(answer: Any) -> bytes:
    """Once for each answer: a file is read as it is sent."""
    return b"".join(answer) if answer.streaming else bytes(answer.content)


@pytest.mark.parametrize(("person", "page"), [("admin", "/"), ("olga", "/vms/"), (None, "/accounts/login/")])
def test_the_first_load_is_light(scene: dict[str, Any], person: str | None, page: str) -> None:
    load = Load(client_of(scene[person]) if person else Client(), page)
    assert len(load.bytes) >= 9
    assert sum(load.bytes.values()) <= MOST_BYTES, load.bytes


def test_files_are_compressed_and_kept_for_good(as_admin: Client) -> None:
    answers = Load(as_admin, "/").answers
    assert answers.pop("/")["Content-Encoding"] == "gzip"
    for url, answer in answers.items():
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", url), url
        assert "immutable" in answer["Cache-Control"], url
        assert (answer.get("Content-Encoding") == "gzip") == (Path(url).suffix in COMPRESSED), url


@pytest.mark.parametrize("page", ["/hosts/add/", "/migrations/", "/api/v1/docs", "/console/", "/console/people/add/"])
def test_every_page_finds_its_files(as_admin: Client, page: str) -> None:
    """To name one that is not collected is an error."""
    assert len(Load(as_admin, page).answers) > 5
