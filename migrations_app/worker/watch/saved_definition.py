"""Whether the saved definition has arrived as it was. It decides nothing: what differs is told in the journal."""

from __future__ import annotations

import logging

from hosts.facts.xml import BadXml
from migrations_app.domain.definition.difference import differences
from migrations_app.words.definition import differs
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection

log = logging.getLogger(__name__)


def tell_differences(held: Held, target: SteadyConnection) -> None:
    """Nothing is said when they are the same, and nothing when the host does not tell."""
    row = held.row
    options = row.request.options
    if not (row.was_persistent and row.source_xml and options.persist):
        return
    found = target.ask(lambda c: c.guest_details(held.guest))
    if found is None or not found.persistent:
        return
    placed = {*(row.copied_disks or ()), *options.disks}
    try:
        different = differences(row.source_xml, found.xml, placed=placed, name=options.new_name or "")
    except BadXml as error:
        log.warning("migration %s: the saved definitions were not compared: %s", row.pk, error)
        return
    if different:
        held.note(differs(row, different), differences=[[one.path, one.before, one.after] for one in different])
