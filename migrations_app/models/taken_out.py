"""What a migration has taken out of its VM, and where that is now: read from the steps it has written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import models

from hosts.facts.part import Part, PartKind
from kvmweb.steps import Written

#: the names of the steps
TAKE_OUT = "take out"
PUT_BACK = "put back"
#: it could not be put back: written down in the end, with the reason
LEFT_OUT = "left out"
#: the VM had it in the end, and may still release it
KEPT = "kept"


class PartState(StrEnum):
    #: it was about to be taken out; it may be
    LEAVING = "leaving"
    OUT = "out"
    BACK = "back"
    #: kvmweb could not put it back, or must not
    LEFT_OUT = "left_out"
    #: the VM was perhaps asked to release it, and had it in the end: it may still release it
    KEPT = "kept"


#: that are written down at the end of a migration, each in a step of its own
_LAST = {LEFT_OUT: PartState.LEFT_OUT, KEPT: PartState.KEPT}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOut:
    """`host`: the one where it is again, was kept, or could not be put back, "" before that. `why` and `to_do`: why it
    was left out or may still be, and what a user can do."""

    part: Part
    #: whether the destination had another device or image under the same name
    other_there: bool
    state: PartState
    host: str = ""
    why: str = ""
    to_do: str = ""


def about_part(part: Part, *, other_there: bool) -> dict[str, Any]:
    """What the step that takes it out has written down: all that is needed to put it back."""
    values = {name: getattr(part, name) for name in Part.__slots__}
    return {"part": {**values, "kind": str(part.kind)}, "other_there": other_there}


def part_in(about: dict[str, Any]) -> Part:
    stored = about["part"]
    return Part(**{**stored, "kind": PartKind(stored["kind"])})


def taken_out(steps: Iterable[Written]) -> list[TakenOut]:
    written = list(steps)
    ends = {step.about["key"]: step for step in written if step.step in (PUT_BACK, *_LAST)}
    return [_one(step, ends.get(step.about["part"]["key"])) for step in written if step.step == TAKE_OUT]


def _one(step: Written, end: Written | None) -> TakenOut:
    part, other = part_in(step.about), step.about["other_there"]
    if end is not None and end.step in _LAST:
        told = {name: end.about[name] for name in ("host", "why", "to_do")}
        return TakenOut(part=part, other_there=other, state=_LAST[end.step], **told)
    if end is not None and end.evidence is not None:
        return TakenOut(part=part, other_there=other, state=PartState.BACK, host=end.about["host"])
    state = PartState.OUT if step.sure else PartState.LEAVING
    return TakenOut(part=part, other_there=other, state=state)


class Stepped(models.Model):
    """The part of a migration's row about what it has changed on hosts."""

    #: [kvmweb.steps.Written as JSON]: each step, written down before it was done; only this is ever undone
    steps = models.JSONField(default=list)

    class Meta:
        abstract = True

    @property
    def taken_out(self) -> list[TakenOut]:
        return taken_out(map(Written.from_json, self.steps))
