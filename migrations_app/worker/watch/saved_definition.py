"""After a migration: whether the VM's saved definition is the one that it had, beside what was asked for."""

from __future__ import annotations

import logging

from hosts.facts import domain_xml
from hosts.facts.guest import Disk
from hosts.facts.storage import DiskPlace
from hosts.facts.xml import BadXml
from migrations_app.domain.definition.difference import differences
from migrations_app.models import Migration
from migrations_app.words.definition import differs
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.placed_disks import places_of

log = logging.getLogger(__name__)


def tell_differences(held: Held, target: SteadyConnection) -> None:
    """One line of the journal if there are any; the definition is kept in the record. What cannot be read or compared
    is not told: the VM has arrived."""
    row = held.row
    details = target.ask(lambda c: c.guest_details(held.guest))
    if details is None:
        return
    held.update(target_xml=details.xml)
    if not (row.was_persistent and row.request.options.persist and details.persistent):
        return
    try:
        name = row.request.options.new_name or ""
        found = differences(row.source_xml, details.xml, name=name, places=_places(row))
    except BadXml as bad:
        log.info("migration %s: the definitions cannot be compared: %s", row.pk, bad)
        return
    if found:
        held.note_once(differs(row, found), differences=[[one.path, one.before, one.after] for one in found])


def _places(row: Migration) -> dict[str, DiskPlace]:
    """Where disks were asked to be. A disk that has another place in the saved definition than the VM ran with keeps
    it."""
    if not row.request.options.disks:
        return {}
    saved = domain_xml.parse(row.source_xml)
    ran = {disk["target"]: disk for disk in row.source_disks}
    return {
        target: place
        for target, place in places_of(row).items()
        if target in row.request.options.disks and _is(saved.disk(target), ran.get(target, {}))
    }


def _is(disk: Disk | None, ran: dict[str, str]) -> bool:
    if disk is None:
        return False
    if disk.type == "volume":
        return (disk.pool, disk.volume) == (ran.get("pool"), ran.get("volume"))
    return disk.path == ran.get("path")
