"""Takes secrets out of what leaves kvmweb: those that it knows, and whatever looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError

from kvmweb.accounts.models import Token

GONE = "[removed]"
#: shorter ones would take ordinary words out of ordinary sentences
_SHORTEST = 6
_SECRET_NAMES = r"pass(?:word|wd|phrase)|secret(?:_key)?|(?:api_?|access_?)?token|authorization|cookie|private_key"
_KEY = re.compile(rf"(?:\w*_)?(?:{_SECRET_NAMES})", re.IGNORECASE)
_LOOKS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), GONE),
    (re.compile(r"(\b\w[\w+.-]{0,30}://)[^\s/@]{0,200}?:[^\s@]{0,500}@"), rf"\1{GONE}@"),  # a password in an address
    (re.compile(r"\bkvmweb_[A-Za-z0-9_-]{20,}"), GONE),  # a token of the API
    (re.compile(r"\b(?:pbkdf2_\w+|argon2\w*|bcrypt\w*|scrypt|md5)\$[^\s\"'<>]+"), GONE),  # a hash of a password
    (re.compile(r"\b((?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1{GONE}"),
    (
        re.compile(
            rf"(\b(?:\w*_)?(?:{_SECRET_NAMES})\b[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)", re.IGNORECASE
        ),
        rf"\1{GONE}",
    ),
)


class Scrubber:
    """`known`: texts that must not be in what it returns."""

    def __init__(self, known: Iterable[str]) -> None:
        words = sorted({word for word in known if len(word) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def clean(self, value: Any) -> Any:
        """A value for JSON, with the same shape."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self.text(str(key)): GONE if one and _KEY.fullmatch(str(key)) else self.clean(one)
                for key, one in value.items()
            }
        return [self.clean(one) for one in value] if isinstance(value, list | tuple) else value

    def text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(GONE, text)
        for looks, instead in _LOOKS:
            text = looks.sub(instead, text)
        return text


def own() -> Scrubber:
    """For the secrets of this installation."""
    return Scrubber([*_in_files(), *_in_settings(), *_in_database()])


def _in_files() -> Iterator[str]:
    folder: Path = settings.KVMWEB.data_dir
    for file in (folder / "secret_key", folder / "setup_link", *folder.glob("ssh/id_*")):
        if file.suffix != ".pub":
            with suppress(OSError, UnicodeDecodeError):
                for line in map(str.strip, file.read_text().splitlines()):
                    if not line.startswith("-----"):  # the marks of a key, by which others are recognised
                        yield from (line, line.rpartition("token=")[2])


def _in_settings() -> Iterator[str]:
    yield from (settings.SECRET_KEY, settings.EMAIL_HOST_PASSWORD)
    password = str(settings.DATABASES["default"].get("PASSWORD") or "")
    yield from (password, quote(password, safe=""))


def _in_database() -> Iterator[str]:
    """Without the database nothing of it is in what leaves, either."""
    with suppress(DatabaseError):
        yield from Token.objects.values_list("digest", flat=True)
        yield from User.objects.values_list("password", flat=True)
