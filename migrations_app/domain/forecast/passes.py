"""The passes of QEMU over the memory of a running VM, as they would go: a model of pre-copy."""

from __future__ import annotations

from dataclasses import dataclass

#: a pass that leaves so little has written nothing that matters
_NOTHING = 64 * 1024
#: no more passes are followed: it does not end by itself
_MOST_PASSES = 200
#: it does not end by itself either when it takes so many times one pass over all memory
_MOST_TIMES = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """`ends`: by itself. `seconds` until then, with the switch-over; `last_bytes`: left when it ends, or when it was
    followed no further."""

    ends: bool
    seconds: float
    last_bytes: float


def course(first_bytes: float, *, bps: float, dirty_bps: float, allowed_s: float, before_s: float = 0.0) -> Course:
    """`before_s`: for so long the first of these passes has been under way.

    QEMU sends until what is left would take less than the allowed downtime. Then it looks what has been written
    meanwhile: when both together still take less it switches over, else it continues with both.
    """
    enough = bps * allowed_s
    at, left = 0.0, first_bytes
    longest = _MOST_TIMES * (first_bytes / bps + before_s) + 1
    for number in range(_MOST_PASSES):
        pass_bytes = max(left - enough, 0.0)
        took = pass_bytes / bps
        at, left = at + took, left - pass_bytes
        new = dirty_bps * (took + (before_s if not number else 0.0))
        left += new
        if new <= _NOTHING or left <= enough:
            return Course(ends=True, seconds=at + left / bps, last_bytes=left)
        if at > longest:
            break
    return Course(ends=False, seconds=at, last_bytes=left)
