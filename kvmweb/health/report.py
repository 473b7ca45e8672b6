"""All rows. A part that cannot be looked at is unknown and does not hide the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from django.db import Error

from kvmweb import database
from kvmweb.health.parts import backups, certificate, disk, hosts, journal, processes, queues
from kvmweb.health.parts import database as stored
from kvmweb.health.row import Row, State

log = logging.getLogger(__name__)
PARTS: dict[str, Callable[[], Iterable[Row]]] = {
    "Processes": processes.rows,
    "Queues": queues.rows,
    "Journal": journal.rows,
    "Database": stored.rows,
    "Disk space": disk.rows,
    "Hosts": hosts.rows,
    "Certificate": certificate.rows,
    "Backup": backups.rows,
}


def rows() -> list[Row]:
    return [row for name in PARTS for row in _looked_at(name)]


def _looked_at(name: str) -> list[Row]:
    try:
        return list(PARTS[name]())
    except Exception as error:
        trouble = database.trouble(error) if isinstance(error, Error) else None
        log.warning("health: %s could not be looked at", name, exc_info=trouble is None)
        said = trouble.sentence if trouble else "The log says why."
        return [Row(name, State.UNKNOWN, f"This could not be looked at. {said}")]
