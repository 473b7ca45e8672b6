"""What a migration has taken out of its VM, as its page says it."""

from __future__ import annotations

from hosts.facts.part import PartKind
from kvmweb.ui.badge import Badge
from migrations_app.models.taken_out import PartState, TakenOut

_MEDIUM = {
    PartState.LEAVING: Badge("Being ejected", "amber", "clock"),
    PartState.OUT: Badge("Ejected", "amber", "clock"),
    PartState.BACK: Badge("Inserted again", "green", "circle-check"),
    PartState.LEFT_OUT: Badge("Not inserted", "red", "alert-triangle"),
    PartState.KEPT: Badge("Not ejected", "amber", "alert-triangle"),
}
_DEVICE = {
    PartState.LEAVING: Badge("Being detached", "amber", "clock"),
    PartState.OUT: Badge("Detached", "amber", "clock"),
    PartState.BACK: Badge("Attached again", "green", "circle-check"),
    PartState.LEFT_OUT: Badge("Not attached", "red", "alert-triangle"),
    PartState.KEPT: Badge("Not detached", "amber", "alert-triangle"),
}


def part_badge(one: TakenOut) -> Badge:
    return (_MEDIUM if one.part.kind is PartKind.MEDIUM else _DEVICE)[one.state]


def part_name(one: TakenOut) -> str:
    """ "CD /isos/tools.iso in drive sda"."""
    return f"{one.part.name} in drive {one.part.drive}" if one.part.drive else one.part.name
