"""The alarm that cannot be stored: that nothing can be stored. Held in the memory of the web process."""

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
    """A write was refused. Busy passes; the rest is an alarm until something can be written again."""
    global _refused
    if trouble is not Trouble.BUSY:
        _refused = trouble


def text() -> str:
    """For pages and /healthz; "" when all is well."""
    if _refused is not None:
        return _refused.sentence
    free = database.free_bytes()
    if free < database.LEAST_FREE_BYTES:
        return f"The disk of kvmweb's data is full: {free / 2**20:.0f} MiB are left. Soon nothing can be stored."
    return ""


def look() -> bool:
    """Whether the alarm began, ended or changed since the last look. While a write is refused it tries one."""
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
        log.log(logging.ERROR if now else logging.WARNING, "%s", now or "kvmweb can store again.")
        _said = now
    return changed
