"""Whether the web process still reads the journal, which keeps open pages up to date."""

from __future__ import annotations

from collections.abc import Iterator

from kvmweb.health.row import Row, State, age, graded
from kvmweb.serve import pulse

_LATE_SECONDS = 5.0
_TOO_LATE_SECONDS = 30.0


def rows() -> Iterator[Row]:
    yield lag(pulse.age(pulse.file("journal")))


def lag(behind: float | None) -> Row:
    """`behind`: seconds since the web process had read all of it."""
    state = graded(behind, warning=_LATE_SECONDS, bad=_TOO_LATE_SECONDS)
    if behind is None or state is State.UNKNOWN:
        text = "It is not known whether the web process reads it."
    elif state is State.WELL:
        text = f"The web process had read all of it {age(behind)} ago: open pages are up to date."
    else:
        text = f"The web process is {age(behind)} behind: open pages are not up to date."
    return Row("Journal", state, text)
