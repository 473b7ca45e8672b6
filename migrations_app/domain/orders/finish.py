"""Switch over now: allow the downtime that the rest takes, so that libvirt itself pauses the guest and resumes it."""

from __future__ import annotations

from hosts.calls.steer import Limit, LimitDowntime
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import Order, Seen, Situation
from migrations_app.domain.orders.max_downtime_ms import never
from migrations_app.domain.pause import LONGEST_MS, pause_for
from migrations_app.domain.progress import Progress
from migrations_app.domain.setting import ended, set_until_read_back, while_copying


def pause_ms(progress: Progress) -> int | None:
    """How long the guest would be paused if the rest were copied now; None while that is not known."""
    if progress.remaining_bytes is None or not progress.rate_bps:
        return None
    return max(pause_for(progress.remaining_bytes, progress.rate_bps), progress.allowed_downtime_ms or 0)


def _wanted(seen: Seen) -> Limit | None:
    needed = pause_ms(seen.progress)
    return None if needed is None else LimitDowntime(min(needed, LONGEST_MS))


def _reports(value: int) -> str:
    return f"libvirt switches over as soon as it expects a pause of at most {value:,} ms."


def _why_not(situation: Situation) -> str:
    if why := while_copying(situation):
        return why
    if situation.state is State.COPYING_DISKS:
        return "The disks are copied first."
    needed = pause_ms(situation.progress)  # while that is not known the order waits
    if needed is not None and needed > LONGEST_MS:
        return f"The pause would be longer than libvirt allows: more than {LONGEST_MS // 60_000} minutes."
    return ""


def _consequence(situation: Situation) -> str:
    needed = pause_ms(situation.progress)
    if needed is None:
        return "Pauses the VM until the rest is copied. Then it continues on the destination."
    seconds = max(1, round(needed / 1000))
    return f"Pauses the VM for about {seconds:,} s. Then it continues on the destination."


ORDER = Order(
    what="finish",
    asked="asked to finish the migration now, with a longer downtime.",
    label="Finish now",
    consequence=_consequence,
    never=never,
    why_not=_why_not,
    next=set_until_read_back(_wanted, _reports),
    ended=ended,
)
