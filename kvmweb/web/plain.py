"""Text from users and hosts, for one line of a page, a log or a database column."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from django import forms
from django.core.exceptions import ValidationError
from pydantic import AfterValidator

#: characters that turn the direction of what follows them, up to the end of the line: embeddings, overrides, isolates
TURNS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_OPEN, _CLOSE, _SHOWN = "\u2068", "\u2069", "\ufffd"
#: letters and marks written from right to left, and numbers as they are written among them
_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))
#: characters of a reason
LONGEST_REASON = 500


def is_plain(text: str) -> bool:
    """Whether it is one line without control characters, line breaks and `TURNS`."""
    if not TURNS.isdisjoint(text):
        return False
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


def _plain(text: str) -> str:
    if not is_plain(text):
        raise ValueError("must not contain control characters")
    return text


Plain = Annotated[str, AfterValidator(_plain)]


def isolated(text: str) -> str:
    """A name or a sentence that is shown beside other text: its right-to-left parts must not reorder what follows.
    `TURNS` become visible; parts that are already isolated stay so.

    For people only: commands and fields for programs keep the text as it is.
    """
    if text.isascii():
        return text
    safe, depth = _closed(text), 0
    for character in safe:
        depth += (character == _OPEN) - (character == _CLOSE)
        if not depth and unicodedata.bidirectional(character) in _RIGHT_TO_LEFT:
            return f"{_OPEN}{safe}{_CLOSE}"
    return safe


def bare(text: str) -> str:
    """Text that was copied from a page, without the characters that `isolated` adds."""
    return text.replace(_OPEN, "").replace(_CLOSE, "")


def _closed(text: str) -> str:
    """With `TURNS` as replacement characters, but for isolations that also end in it."""
    safe, opened = [_SHOWN if character in TURNS else character for character in text], []
    for place, character in enumerate(text):
        if character == _OPEN:
            opened.append(place)
        elif character == _CLOSE and opened:
            safe[opened.pop()], safe[place] = _OPEN, _CLOSE
    return "".join(safe)


class PlainField(forms.CharField):
    """One line of a form."""

    def to_python(self, value: object) -> str:
        text = super().to_python(value) or ""
        if not is_plain(text):
            raise ValidationError(f"{self.label or 'The text'} must not contain control characters.")
        return text


class ReasonField(PlainField):
    """The optional reason of an action, for the journal."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=LONGEST_REASON, label="Reason")
        self.error_messages["max_length"] = f"The reason is longer than {LONGEST_REASON} characters."


class ReasonForm(forms.Form):
    """For pages with one button and a reason."""

    reason = ReasonField()
