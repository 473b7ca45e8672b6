"""One guest on one host: its definition, a look at it, its job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hosts.facts import domain_xml
from hosts.facts.guest import GuestDetails, GuestLook, JobKind, JobStats, RunState
from hosts.gateway import _codes, _errors
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, GuestMissing, Refused

if TYPE_CHECKING:
    import libvirt

_MOST_REMEMBERED = 4096
#: QEMU's monitor answers nothing during a switch-over: whoever watches a move must not wait for that
_MONITOR_SECONDS = 2.0


class Guests:
    """Questions about guests, over one link. Handles are kept: they stay valid, and finding one costs a round trip."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._handles: dict[str, libvirt.virDomain] = {}
        self._handles_of: libvirt.virConnect | None = None

    def handle(self, raw: libvirt.virConnect, uuid: str) -> libvirt.virDomain:
        """Within a call. The handle of a guest that is gone still answers, with NO_DOMAIN."""
        if self._handles_of is not raw:
            self._handles, self._handles_of = {}, raw
        known = self._handles.get(uuid)
        if known is None:
            if len(self._handles) >= _MOST_REMEMBERED:
                self._handles.clear()
            known = self._handles[uuid] = raw.lookupByUUIDString(uuid)
        return known

    def forget(self) -> None:
        """Handles keep the connection open."""
        self._handles, self._handles_of = {}, None

    def details(self, uuid: str) -> GuestDetails:
        """Raises GuestMissing; Refused (code 84) for a guest that is just coming in, whose XML may not be read."""

        def work(raw: libvirt.virConnect) -> GuestDetails:
            import libvirt

            guest = self.handle(raw, uuid)
            number, why = guest.state()
            state = _codes.run_state(number)
            if state is RunState.PAUSED and _coming_in(guest, why):
                raise Refused("the guest is just coming in", code=_errors.OPERATION_UNSUPPORTED)
            persistent = bool(guest.isPersistent())
            inactive = guest.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) if persistent else ""
            live = guest.XMLDesc(0) if state.active else ""
            return GuestDetails(
                uuid=uuid,
                definition=domain_xml.parse(inactive or live),
                xml=inactive or live,
                live=domain_xml.parse(live) if live else None,
                persistent=persistent,
                autostart=bool(guest.autostart()) if persistent else False,
                managed_save=bool(guest.hasManagedSaveImage(0)) if persistent else False,
                snapshots=int(guest.snapshotNum(0)),
            )

        return self._link.call("a guest's definition", work, key=("details", uuid))

    def look(self, uuid: str) -> GuestLook:
        """Never raises. What a guest's own monitor would have to answer (its job) has a question of its own."""
        try:
            state, why, persistent = self._ask_state(uuid)
        except GuestMissing:
            return GuestLook(answered=True, present=False)
        except Exception as error:
            return GuestLook(answered=False, error=str(error) or type(error).__name__)
        job, trouble = JobKind.NONE, ""
        if state.active:
            try:
                job, trouble = self._job_kind(uuid)
            except GuestMissing:  # it went between the two questions
                return GuestLook(answered=True, present=False)
        return GuestLook(
            answered=True, present=True, state=state, reason=why, persistent=persistent, job=job, error=trouble
        )

    def _ask_state(self, uuid: str) -> tuple[RunState, str, bool]:
        def work(raw: libvirt.virConnect) -> tuple[RunState, str, bool]:
            guest = self.handle(raw, uuid)
            number, why = guest.state()
            state = _codes.run_state(number)
            return state, _codes.reason(state, why), bool(guest.isPersistent())

        return self._link.call("a guest's state", work, key=("look", uuid))

    def _job_kind(self, uuid: str) -> tuple[JobKind, str]:
        try:
            stats = self._stats(uuid)
        except GuestMissing:
            raise
        except GatewayError as error:
            # OPERATION_INVALID: it stopped between the two questions
            kind = JobKind.NONE if error.code == _errors.OPERATION_INVALID else JobKind.UNKNOWN
            return kind, error.message
        except Exception as error:
            return JobKind.UNKNOWN, str(error) or type(error).__name__
        return stats[0], ""

    def _stats(self, uuid: str) -> tuple[JobKind, Mapping[str, Any]]:
        """Raises GatewayError; on the destination of a migration libvirt has no numbers, only a refusal (84)."""
        try:
            stats = self._link.call(
                "a guest's job",
                lambda raw: self.handle(raw, uuid).jobStats(0),
                seconds=monitor_seconds(self._link),
                key=("job", uuid),
            )
        except GatewayError as error:
            if error.code == _errors.OPERATION_UNSUPPORTED:
                return JobKind.MIGRATION_IN, {}
            raise
        return _codes.job_kind(stats.get("type", 0), stats.get("operation", 0)), stats

    def job(self, uuid: str) -> JobStats | None:
        try:
            kind, stats = self._stats(uuid)
        except GatewayError as error:
            if error.code == _errors.OPERATION_INVALID:  # it does not run
                return None
            raise
        if kind is JobKind.NONE:
            return None
        state, why, _ = self._ask_state(uuid)
        return job_stats(kind, stats, postcopy=state is RunState.PAUSED and why.startswith("post-copy"))

    def finished_job(self, uuid: str) -> JobStats | None:
        def work(raw: libvirt.virConnect) -> Mapping[str, Any]:
            import libvirt

            flags = libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
            stats: Mapping[str, Any] = self.handle(raw, uuid).jobStats(flags)
            return stats

        stats = self._link.call("a guest's last job", work, key=("finished", uuid))
        kind = _codes.job_kind(stats.get("type", 0), stats.get("operation", 0))
        return None if kind is JobKind.NONE else job_stats(kind, stats, postcopy=False)

    def run_number(self, uuid: str) -> int:
        """libvirt's id of the running guest, which every start changes; -1 when it does not run."""

        def work(raw: libvirt.virConnect) -> int:
            return int(raw.lookupByUUIDString(uuid).ID())  # a handle that was kept keeps its old id too

        return self._link.call("which run of the guest this is", work, key=("run", uuid))

    def suspend(self, uuid: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            self.handle(raw, uuid).suspend()

        self._link.call("suspend a guest", work, key=("suspend", uuid))

    def block_jobs(self, uuid: str, targets: Iterable[str]) -> tuple[str, ...]:
        wanted = tuple(targets)

        def work(raw: libvirt.virConnect) -> tuple[str, ...]:
            guest = self.handle(raw, uuid)
            return tuple(target for target in wanted if guest.blockJobInfo(target, 0))

        return self._link.call("a guest's block jobs", work, key=("block jobs", uuid))

    def virtual_size(self, uuid: str, target: str) -> int:
        def work(raw: libvirt.virConnect) -> int:
            return int(self.handle(raw, uuid).blockInfo(target, 0)[0])

        return self._link.call("the size of a disk", work, key=("size", uuid, target))

    def set_autostart(self, uuid: str, enabled: bool) -> None:
        def work(raw: libvirt.virConnect) -> None:
            self.handle(raw, uuid).setAutostart(int(enabled))

        self._link.call("set autostart", work, key=("autostart", uuid))


def monitor_seconds(link: Link) -> float:
    """The deadline of what a guest's own QEMU has to answer."""
    return min(_MONITOR_SECONDS, link.deadline)


def _coming_in(guest: libvirt.virDomain, why: int) -> bool:
    """Of a paused guest. Reading the XML of an incoming one may block for 30 s (libvirt 11.0 to 11.4)."""
    import libvirt

    if why not in (libvirt.VIR_DOMAIN_PAUSED_MIGRATION, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP):
        return False
    try:
        guest.jobStats(0)
    except libvirt.libvirtError as error:
        return bool(error.get_error_code() == _errors.OPERATION_UNSUPPORTED)
    return bool(why == libvirt.VIR_DOMAIN_PAUSED_STARTING_UP)


def job_stats(kind: JobKind, stats: Mapping[str, Any], *, postcopy: bool) -> JobStats:
    """libvirt.md 2.2; what libvirt did not send stays None."""

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
