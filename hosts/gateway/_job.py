"""What a guest is doing: a look at it, and the numbers of its job. For the watch over a migration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hosts.facts.guest import GuestLook, JobKind, JobStats, RunState
from hosts.gateway import _codes, _errors
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, GuestMissing

if TYPE_CHECKING:
    import libvirt

#: QEMU's monitor answers nothing during a switch-over: the watch over a migration must not wait for that
_MONITOR_SECONDS = 2.0


def look(link: Link, guests: Guests, uuid: str) -> GuestLook:
    """Never raises. What a guest's own monitor would have to answer (its job) has a question of its own."""
    try:
        state, why, persistent = guests.state(uuid)
    except GuestMissing:
        return GuestLook(answered=True, present=False)
    except Exception as error:
        return GuestLook(answered=False, error=str(error) or type(error).__name__)
    job, trouble = JobKind.NONE, ""
    if state.active:
        try:
            job, trouble = _kind(link, guests, uuid)
        except GuestMissing:  # it went between the two questions
            return GuestLook(answered=True, present=False)
    return GuestLook(
        answered=True, present=True, state=state, reason=why, persistent=persistent, job=job, error=trouble
    )


def job(link: Link, guests: Guests, uuid: str) -> JobStats | None:
    try:
        kind, stats = _stats(link, guests, uuid)
    except GatewayError as error:
        if error.code == _errors.OPERATION_INVALID:  # it does not run
            return None
        raise
    if kind is JobKind.NONE:
        return None
    state, why, _ = guests.state(uuid)
    return _numbers(kind, stats, postcopy=state is RunState.PAUSED and why.startswith("post-copy"))


def finished_job(link: Link, guests: Guests, uuid: str) -> JobStats | None:
    def work(raw: libvirt.virConnect) -> Mapping[str, Any]:
        import libvirt

        flags = libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
        stats: Mapping[str, Any] = guests.handle(raw, uuid).jobStats(flags)
        return stats

    stats = link.call("the last job of a VM", work, key=("finished", uuid))
    kind = _codes.job_kind(stats.get("type", 0), stats.get("operation", 0))
    return None if kind is JobKind.NONE else _numbers(kind, stats, postcopy=False)


def _kind(link: Link, guests: Guests, uuid: str) -> tuple[JobKind, str]:
    try:
        stats = _stats(link, guests, uuid)
    except GuestMissing:
        raise
    except GatewayError as error:
        # OPERATION_INVALID: it stopped between the two questions
        kind = JobKind.NONE if error.code == _errors.OPERATION_INVALID else JobKind.UNKNOWN
        return kind, error.message
    except Exception as error:
        return JobKind.UNKNOWN, str(error) or type(error).__name__
    return stats[0], ""


def _stats(link: Link, guests: Guests, uuid: str) -> tuple[JobKind, Mapping[str, Any]]:
    """Raises GatewayError; on the destination of a migration libvirt has no numbers, only a refusal (84)."""
    try:
        stats = link.call(
            "the job of a VM",
            lambda raw: guests.handle(raw, uuid).jobStats(0),
            seconds=monitor_seconds(link),
            key=("job", uuid),
        )
    except GatewayError as error:
        if error.code == _errors.OPERATION_UNSUPPORTED:
            return JobKind.MIGRATION_IN, {}
        raise
    return _codes.job_kind(stats.get("type", 0), stats.get("operation", 0)), stats


def _numbers(kind: JobKind, stats: Mapping[str, Any], *, postcopy: bool) -> JobStats:
    """What libvirt did not send stays None."""

    def value(name: str) -> int | None:
        found = stats.get(name)
        return int(found) if found is not None else None

    rate, page = value("memory_dirty_rate"), value("memory_page_size")
    return JobStats(
        kind=kind,
        # the destination counts from the source's start: without the difference of the two clocks, where it is known
        elapsed_ms=value("time_elapsed") if (net := value("time_elapsed_net")) is None else net,
        downtime_ms=value("downtime"),
        setup_ms=value("setup_time"),
        memory_total=value("memory_total"),
        memory_processed=value("memory_processed"),
        memory_remaining=value("memory_remaining"),
        memory_bps=value("memory_bps"),
        dirty_bps=rate * page if rate is not None and page is not None else None,
        iteration=value("memory_iteration"),
        disk_total=value("disk_total"),
        disk_processed=value("disk_processed"),
        disk_remaining=value("disk_remaining"),
        disk_bps=value("disk_bps"),
        postcopy=postcopy,
        throttle_percent=value("auto_converge_throttle"),
    )


def monitor_seconds(link: Link) -> float:
    """The deadline of what a guest's own QEMU has to answer."""
    return min(_MONITOR_SECONDS, link.deadline)
