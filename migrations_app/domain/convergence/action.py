"""What a policy wants done. `numbers` are those it was decided by, for the record; `text` says it to a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Act(StrEnum):
    """`raise`: allow a longer downtime, a step of the ladder. `finish`: allow the downtime that the rest takes.
    `suspend`: pause the VM, so that it writes no more. `post_copy`: let it go on at the destination. `abort`: give up,
    the VM stays. `restart`: give up and start again with throttling."""

    RAISE = "raise"
    FINISH = "finish"
    SUSPEND = "suspend"
    POST_COPY = "post_copy"
    ABORT = "abort"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """`downtime_ms` is what RAISE and FINISH allow, None for the others."""

    act: Act
    text: str
    downtime_ms: int | None = None
    numbers: dict[str, int | None] = field(default_factory=dict)
