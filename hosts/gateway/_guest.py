"""Guests of one host: their handles, what they are, and small changes to one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hosts.facts import domain_xml, runtime
from hosts.facts.guest import GuestDefinition, GuestDetails, RunState, RuntimeSettings
from hosts.gateway import _codes, _errors
from hosts.gateway._link import Link
from hosts.gateway.port import Arriving, Refused

if TYPE_CHECKING:
    import libvirt

_MOST_REMEMBERED = 4096
#: libvirt waits for QEMU, for hooks and for storage
START_SECONDS = 60.0


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

    def state(self, uuid: str) -> tuple[RunState, str, bool]:
        """(state, reason, whether it is persistent)"""

        def work(raw: libvirt.virConnect) -> tuple[RunState, str, bool]:
            guest = self.handle(raw, uuid)
            number, why = guest.state()
            state = _codes.run_state(number)
            return state, _codes.reason(state, why), bool(guest.isPersistent())

        return self._link.call("the state of a VM", work, key=("look", uuid))

    def details(self, uuid: str) -> GuestDetails:
        """Raises GuestMissing; Arriving for a guest whose XML may not be read yet."""

        def work(raw: libvirt.virConnect) -> GuestDetails:
            import libvirt

            guest = self.handle(raw, uuid)
            number, why = guest.state()
            state = _codes.run_state(number)
            if coming_in(guest, number, why):
                raise Arriving
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

        return self._link.call("the definition of a VM", work, key=("details", uuid))

    def managed_save_definition(self, uuid: str) -> GuestDefinition:
        def work(raw: libvirt.virConnect) -> GuestDefinition:
            return domain_xml.parse(self.handle(raw, uuid).managedSaveGetXMLDesc(0))

        return self._link.call("the saved state of a VM", work, key=("managed save", uuid))

    def run_number(self, uuid: str) -> int:
        """libvirt's id of the running guest, which every start changes; -1 when it does not run."""

        def work(raw: libvirt.virConnect) -> int:
            return int(raw.lookupByUUIDString(uuid).ID())  # a handle that was kept keeps its old id too

        return self._link.call("whether a VM was restarted", work, key=("run", uuid))

    def start(self, uuid: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            self.handle(raw, uuid).create()

        self._link.call("start a VM", work, seconds=START_SECONDS, key=("start", uuid))

    def suspend(self, uuid: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            self.handle(raw, uuid).suspend()

        self._link.call("suspend a VM", work, key=("suspend", uuid))

    def resume(self, uuid: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            self.handle(raw, uuid).resume()

        self._link.call("resume a VM", work, key=("resume", uuid))

    def block_jobs(self, uuid: str, targets: Iterable[str]) -> tuple[str, ...]:
        wanted = tuple(targets)

        def work(raw: libvirt.virConnect) -> tuple[str, ...]:
            guest = self.handle(raw, uuid)
            return tuple(target for target in wanted if guest.blockJobInfo(target, 0))

        return self._link.call("the block jobs of a VM", work, key=("block jobs", uuid))

    def runtime_settings(self, uuid: str) -> RuntimeSettings:
        def work(raw: libvirt.virConnect) -> RuntimeSettings:
            import libvirt

            guest = self.handle(raw, uuid)
            what = libvirt.VIR_DOMAIN_STATS_BLOCK | libvirt.VIR_DOMAIN_STATS_IOTHREAD
            ((_, stats),) = raw.domainListGetStats([guest], what, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)
            if "block.count" not in stats:
                raise Refused("the VM is busy", code=_errors.OPERATION_TIMEOUT)
            speed, messages = guest.migrateGetMaxSpeed(0), guest.messages(libvirt.VIR_DOMAIN_MESSAGE_TAINTING)
            return runtime.read(stats, speed=speed, messages=messages)

        return self._link.call("the runtime settings of a VM", work, key=("runtime", uuid))


def coming_in(guest: libvirt.virDomain, number: int, why: int) -> bool:
    """Whether libvirt's job holds it while it arrives, until post-copy is over. Reading its XML may block for 30 s then
    (libvirt 11.0 to 11.4), or for as long as its QEMU waits for memory."""
    import libvirt

    if number == libvirt.VIR_DOMAIN_RUNNING:
        return _codes.reason(RunState.RUNNING, why).startswith("post-copy")
    waits = (libvirt.VIR_DOMAIN_PAUSED_MIGRATION, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP)
    if number != libvirt.VIR_DOMAIN_PAUSED or why not in waits:
        return False
    try:
        guest.jobStats(0)
    except libvirt.libvirtError as error:
        return bool(error.get_error_code() == _errors.OPERATION_UNSUPPORTED)
    return bool(why == libvirt.VIR_DOMAIN_PAUSED_STARTING_UP)
