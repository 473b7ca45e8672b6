"""What libvirt limits a migration to. All three can be changed while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hosts.calls.steer import Limit, LimitBandwidth, LimitCache, LimitDowntime
from hosts.facts.guest import JobLimits
from hosts.facts.runtime import NO_LIMIT
from hosts.gateway import _job
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link

if TYPE_CHECKING:
    import libvirt

_MIB = 1024 * 1024


def limits(link: Link, guests: Guests, uuid: str) -> JobLimits:
    def work(raw: libvirt.virConnect) -> JobLimits:
        guest = guests.handle(raw, uuid)
        speed = _told(lambda: guest.migrateGetMaxSpeed(0))
        cache = _told(lambda: guest.migrateGetCompressionCache(0))
        return JobLimits(
            bandwidth_mib=None if speed is None else _speed(speed),
            max_downtime_ms=_told(lambda: guest.migrateGetMaxDowntime(0)),
            xbzrle_cache_mib=None if cache is None else cache // _MIB,
        )

    return link.call("the limits of a migration", work, seconds=_job.monitor_seconds(link), key=("limits", uuid))


def set_limit(link: Link, guests: Guests, uuid: str, limit: Limit) -> None:
    def work(raw: libvirt.virConnect) -> None:
        guest = guests.handle(raw, uuid)
        match limit:
            case LimitBandwidth(mib):
                guest.migrateSetMaxSpeed(mib or NO_LIMIT, 0)
            case LimitDowntime(milliseconds):
                guest.migrateSetMaxDowntime(milliseconds, 0)
            case LimitCache(mib):
                guest.migrateSetCompressionCache(mib * _MIB, 0)

    key = ("set a limit", type(limit).__name__, uuid)
    link.call("set a limit of the migration", work, seconds=_job.monitor_seconds(link), key=key)


def _told(question: Callable[[], Any]) -> int | None:
    """One limit that libvirt does not tell hides none of the others. The binding returns None for the downtime where it
    raises everywhere else."""
    import libvirt

    try:
        answer = question()
    except libvirt.libvirtError:
        return None
    return None if answer is None else int(answer)


def _speed(mib: int) -> int:
    return mib if 0 < mib < NO_LIMIT else 0
