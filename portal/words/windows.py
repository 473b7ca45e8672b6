"""When a window opens, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.ui import units
from portal.domain.weekly import DAYS, Weekly

if TYPE_CHECKING:
    from portal.models import Window


def when_words(window: Window) -> str:
    """Of days and a time; "" for a rule that says more."""
    weekly = Weekly.of(window.rule)
    if weekly is None:
        return ""
    names = [DAYS[day] for day in weekly.days]
    on = "Every day" if len(names) == len(DAYS) else _and(names)
    return f"{on} at {weekly.begins:%H:%M}"


def lasts_words(window: Window) -> str:
    return units.duration(window.minutes * 60_000)


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
