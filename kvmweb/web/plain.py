"""Text from outside for one line of a page, a log or a database column."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from django import forms
from django.core.exceptions import ValidationError
from pydantic import AfterValidator

#: characters that turn the direction of what follows them, up to the end of the line: embeddings, overrides, isolates
TURNS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_VISIBLE = dict.fromkeys(map(ord, TURNS), "\ufffd")
#: what a person may write as the reason of what they do on a page
LONGEST_REASON = 500


def is_plain(text: str) -> bool:
    """One line that stays as it is read: no control characters, no ends of lines, none of `TURNS`."""
    if not TURNS.isdisjoint(text):
        return False
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


def _plain(text: str) -> str:
    if not is_plain(text):
        raise ValueError("Control characters are not accepted")
    return text


Plain = Annotated[str, AfterValidator(_plain)]


def isolated(name: str) -> str:
    """A name inside a sentence: one written from right to left must not turn the rest of the sentence around.

    For sentences only: commands and fields for programs keep the name as it is.
    """
    return name if name.isascii() else f"\u2068{visible_turns(name)}\u2069"


def visible_turns(text: str) -> str:
    """`TURNS` as replacement characters: an end of isolation inside a name would end ours."""
    return text.translate(_VISIBLE)


class PlainField(forms.CharField):
    """One line of a form."""

    def to_python(self, value: object) -> str:
        text = super().to_python(value) or ""
        if not is_plain(text):
            raise ValidationError("Control characters are not accepted.")
        return text


class ReasonField(PlainField):
    """Why somebody does it: for the journal, never asked for."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=LONGEST_REASON, label="Reason")


class ReasonForm(forms.Form):
    """For pages with one button and a reason."""

    reason = ReasonField()
