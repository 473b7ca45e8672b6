"""The alarm that nothing can be stored. It cannot be stored itself, so the web process keeps it in memory."""

from __future__ import annotations

import logging

from django.db import Error

from kvmweb import database
from kvmweb.database import Trouble
from kvmweb.journal import writer

log = logging.getLogger(__name__)
#: a topic that no page follows: only whether it can be written matters
_TOPIC = "storage"
_refused: Trouble | None = None
_said = ""


def notice(trouble: Trouble) -> None:
    """A write failed. Busy passes by itself; anything else is an alarm until a write works again."""
    global _refused
    if trouble is not Trouble.BUSY:
        _refused = trouble


def text() -> str:
    """For pages and /healthz; "" when all is well."""
    if _refused is not None:
        return _refused.sentence
    free = database.free_bytes()
    if free < database.LEAST_FREE_BYTES:
        return f"The disk with kvmweb's data is almost full: {free / 2**20:.0f} MiB left. Free some space."
    return ""


def look() -> bool:
    """Whether the alarm began, ended or changed since the last call. While writes fail, it tries one."""
    global _refused, _said
    if _refused is not None:
        try:
            writer.signal(_TOPIC)
            _refused = None
        except Error as error:
            notice(database.trouble(error) or Trouble.AWAY)
    now = text()
    changed = (now != "") != (_said != "") or (_refused is not None and now != _said)
    if changed:
        log.log(logging.ERROR if now else logging.WARNING, "%s", now or "kvmweb can write to its database again.")
        _said = now
    return changed
