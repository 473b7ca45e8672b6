"""The last backup that `manage.py backup` made; kvmweb knows of no other."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from kvmweb import backup
from kvmweb.health.row import Row, State, age, graded

_DAY = 86_400.0
_OLD_SECONDS = 7 * _DAY
_TOO_OLD_SECONDS = 30 * _DAY


def rows() -> Iterator[Row]:
    made = backup.last()
    yield backed_up((timezone.now() - made).total_seconds() if made else None)


def backed_up(since: float | None) -> Row:
    """`since`: seconds."""
    state = graded(since, warning=_OLD_SECONDS, bad=_TOO_OLD_SECONDS)
    if since is None:
        text = "No backup by manage.py backup is recorded. kvmweb does not see other kinds of backups."
    elif state is State.UNKNOWN:
        text = "The last one is from the future: the clock of this machine was set back."
    else:
        text = f"The last one was made {age(since)} ago."
    return Row("Backup", state, text)
