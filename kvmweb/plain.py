"""Text from outside for one line of a page, a log or a database column."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator


def _plain(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("Control characters are not accepted")
    return text


Plain = Annotated[str, AfterValidator(_plain)]
