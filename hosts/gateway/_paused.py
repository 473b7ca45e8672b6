"""Guests that are started paused, so that libvirt can migrate them, and are ended again before their CPUs ever ran.
Events come from the event loop's thread and must only set something."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from hosts.facts import paused_xml
from hosts.facts.paused import PausedGuest
from hosts.facts.xml import BadXml
from hosts.gateway import _codes, _errors
from hosts.gateway._guest import START_SECONDS, Guests
from hosts.gateway._link import Link
from hosts.gateway._own_files import OwnFiles
from hosts.gateway.port import Refused

if TYPE_CHECKING:
    import libvirt

#: QEMU closes its images before it quits, on slow storage too
_END_SECONDS = 60.0
_REQUESTS = (".rd.reqs", ".wr.reqs")


class Paused:
    """The methods are described in port.Paused."""

    def __init__(self, link: Link, guests: Guests) -> None:
        self._link = link
        self._guests = guests
        self._resumed: dict[str, Callable[[], None]] = {}
        self._registered = False
        self.files = OwnFiles(link)

    def start(self, uuid: str, mark: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            guest = self._guests.handle(raw, uuid)
            text = guest.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
            try:
                marked = paused_xml.with_mark(text, mark)
            except BadXml as bad:
                raise Refused(str(bad)) from None
            # the mark is in the definition of this run only: libvirt keeps the saved one beside it
            raw.createXML(marked, libvirt.VIR_DOMAIN_START_PAUSED)

        self._link.call("start a VM paused", work, seconds=START_SECONDS, key=("start paused", uuid))

    def look(self, uuid: str) -> PausedGuest:
        return self._link.call(
            "whether a VM ran", lambda raw: _look(raw, self._guests.handle(raw, uuid)), key=("ran", uuid)
        )

    def end(self, uuid: str, mark: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            guest = self._guests.handle(raw, uuid)
            seen = _look(raw, guest)
            if seen.mark != mark:
                raise Refused("this is not the run that kvmweb started paused", code=_errors.OPERATION_INVALID)
            if seen.ran:
                raise Refused("the VM has run", code=_errors.OPERATION_INVALID)
            guest.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_GRACEFUL)  # QEMU writes out what it holds of the images

        self._link.call("end a VM that never ran", work, seconds=_END_SECONDS, key=("end paused", uuid))

    def listen(self, uuid: str, resumed: Callable[[], None]) -> None:
        self._resumed[uuid] = resumed
        if not self._registered:
            self._link.prepare("listen to VMs that are resumed", self._register)
            self._registered = True

    def mute(self) -> None:
        """No more calls."""
        self._resumed.clear()

    def _register(self, raw: libvirt.virConnect, undo: list[Callable[[], Any]]) -> None:
        import libvirt

        event = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
        number = raw.domainEventRegisterAny(None, event, self._lifecycle, None)
        undo.append(partial(raw.domainEventDeregisterAny, number))

    def _lifecycle(self, _conn: Any, guest: Any, event: int, detail: int, _opaque: Any) -> None:
        import libvirt

        # libvirt also says "resumed, migrated" of a guest that arrives paused
        if event != libvirt.VIR_DOMAIN_EVENT_RESUMED or detail == libvirt.VIR_DOMAIN_EVENT_RESUMED_MIGRATED:
            return
        resumed = self._resumed.get(guest.UUIDString())
        if resumed is not None:
            resumed()


def _look(raw: libvirt.virConnect, guest: libvirt.virDomain) -> PausedGuest:
    import libvirt

    what = libvirt.VIR_DOMAIN_STATS_BLOCK | libvirt.VIR_DOMAIN_STATS_VCPU
    ((_, stats),) = raw.domainListGetStats([guest], what, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)
    if "block.count" not in stats:
        raise Refused("the VM is busy", code=_errors.OPERATION_TIMEOUT)
    times = [int(value) for name, value in stats.items() if name.startswith("vcpu.") and name.endswith(".time")]
    mark, state = _mark(guest), _codes.run_state(guest.state()[0])
    if not state.active:  # since it was counted: its migration is over, and that tells nothing of whether it ran
        raise Refused("the VM is not active any more", code=_errors.OPERATION_INVALID)
    return PausedGuest(
        mark=mark,
        state=state,
        requests=sum(int(value) for name, value in stats.items() if name.endswith(_REQUESTS)),
        cpu_ms=max(times, default=0) // 1_000_000,
    )


def _mark(guest: libvirt.virDomain) -> str:
    import libvirt

    try:
        found = guest.metadata(
            libvirt.VIR_DOMAIN_METADATA_ELEMENT, paused_xml.NAMESPACE, libvirt.VIR_DOMAIN_AFFECT_LIVE
        )
        return paused_xml.mark_of(found)
    except BadXml:
        return ""
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return ""
        raise
