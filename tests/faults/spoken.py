"""What kvmweb says to people: its page, its API and its journal, and whether they use the same words."""

from __future__ import annotations

import html
import http.cookiejar
import re
import urllib.parse
import urllib.request
from typing import Any

from tests.lab.serving import Serving

_TAGS = re.compile(r"<[^>]*>")
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
#: what keeps the direction of a name from reaching into the sentence around it
_INVISIBLE = dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069\u200e\u200f"))


class Reader:
    """A person at the pages, without JavaScript."""

    def __init__(self, kvmweb: Serving) -> None:
        self._url = kvmweb.url
        jar = http.cookiejar.CookieJar()
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        token = _TOKEN.search(self._read("/accounts/login/"))
        assert token is not None
        login = {"csrfmiddlewaretoken": token[1], "login": "vera", "password": "vera-password-1"}
        request = urllib.request.Request(
            f"{self._url}/accounts/login/", urllib.parse.urlencode(login).encode(), {"Referer": self._url}
        )
        self._browser.open(request, timeout=30).read()

    def migration(self, pk: int) -> str:
        """The words of its page."""
        return plain(_TAGS.sub(" ", self._read(f"/migrations/{pk}/")))

    def _read(self, path: str) -> str:
        with self._browser.open(f"{self._url}{path}", timeout=30) as answer:
            return str(answer.read().decode())


def plain(text: str) -> str:
    return " ".join(html.unescape(text).translate(_INVISIBLE).split())


def differences(shown: Any, page: str, journal: list[Any]) -> list[str]:
    """Between the API (`shown`), the page and the journal, once the migration has come to an end or needs a person."""
    found = []
    text = plain(shown["state_text"])
    if text not in page:
        found.append(f"the page does not say {text!r}")
    told = [plain(entry["text"]) for entry in journal if entry["kind"] in ("state", "note")]
    if text not in told:
        found.append(f"the journal does not say {text!r}")
    for what in ("cause", "what_to_do"):
        words = plain((shown["error"] or {}).get(what, ""))
        if words not in page:
            found.append(f"the page does not say {words!r}")
    return found
