"""The parts of the dashboard's memory bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.ui import units
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from migrations_app.reading.dashboard import Segment

_NOTES = {"leaving": "migrating to another host", "arriving": "migrating to this host"}


def segment_note(part: Segment) -> str:
    """What its migration does here; "" without one."""
    return _NOTES.get(part.kind, "")


def segment_text(part: Segment) -> str:
    says = (isolated(part.name), units.size(part.memory_kib * 1024), segment_note(part))
    return ", ".join(filter(None, says))
