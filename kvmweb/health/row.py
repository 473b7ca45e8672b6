"""One row of the health page. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kvmweb.ui.units import duration

#: a report may be this many seconds younger than now; one from further ahead says that a clock is wrong
_CLOCK_SECONDS = 5.0


class State(StrEnum):
    WELL = "well"
    WARNING = "warning"
    UNKNOWN = "unknown"
    BAD = "bad"


_ORDER = list(State)


@dataclass(frozen=True, slots=True)
class Row:
    """`text`: one sentence, or two."""

    name: str
    state: State
    text: str


def graded(value: float | None, *, warning: float, bad: float) -> State:
    """The state of what is worse the larger it is, such as an age in seconds. What is not known is never well."""
    if value is None or value < -_CLOCK_SECONDS:
        return State.UNKNOWN
    if value >= bad:
        return State.BAD
    return State.WARNING if value >= warning else State.WELL


def worst(rows: Iterable[Row]) -> State:
    return max((row.state for row in rows), key=_ORDER.index, default=State.UNKNOWN)


def age(value: float) -> str:
    """Seconds in words."""
    return duration(max(1, round(value)) * 1000)
