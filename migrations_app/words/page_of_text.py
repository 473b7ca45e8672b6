"""Parts of a document in plain text: safe lines, wrapped for an editor, and tables of two columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from kvmweb.web.plain import isolated

WIDE = 110
_SHOWN = "\ufffd"


def line(text: str) -> str:
    """Without what turns or breaks a line, and what a terminal would obey."""
    safe = text if text.isprintable() else "".join(one if one.isprintable() else _SHOWN for one in text)
    return isolated(safe)


def lines(text: str) -> list[str]:
    """Of a text that has several, such as an answer of QEMU."""
    return [line(one.expandtabs(4)) for one in text.splitlines()]


def section(title: str, body: str, *, mark: str = "-") -> str:
    return f"{title}\n{mark * min(len(title), WIDE)}\n{body}"


def table(pairs: Iterable[tuple[str, str | Sequence[str]]]) -> str:
    """Without those that have no value. A value of several lines stays beside its label."""
    rows = [(label, [value] if isinstance(value, str) else list(value)) for label, value in pairs if value]
    wide = max((len(label) for label, _ in rows), default=0)
    return "".join(hung(label.ljust(wide), *values) for label, values in rows)


def hung(first: str, *values: str) -> str:
    """`first`, and beside it the values, each wrapped."""
    room = max(WIDE - len(first) - 2, 40)
    folded = [part for value in values for part in _folded(value, room)]
    return "".join(f"{first if not number else ' ' * len(first)}  {part}\n" for number, part in enumerate(folded))


def _folded(value: str, room: int) -> list[str]:
    return textwrap.wrap(value, room, break_long_words=False, break_on_hyphens=False) or [""]


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns of numbers under their heads."""
    cells = [heads, *rows]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "".join(f"{'  '.join(cell.rjust(width) for cell, width in zip(row, wide, strict=True))}\n" for row in cells)
