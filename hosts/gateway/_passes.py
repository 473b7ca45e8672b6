"""How the memory of a guest that migrates away is copied. QEMU tells when it begins another pass: these calls come from
the event loop's thread and must only set something."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from hosts.gateway import _job
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway._memory import Memory

if TYPE_CHECKING:
    import libvirt


class Passes:
    """The methods are described in port.Passes."""

    def __init__(self, link: Link, guests: Guests) -> None:
        self._link = link
        self.memory = Memory(link, guests)
        self._guests = guests
        self._begun: dict[str, Callable[[], None]] = {}
        self._registered = False

    def listen(self, uuid: str, begun: Callable[[], None]) -> None:
        self._begun[uuid] = begun
        if not self._registered:
            self._link.prepare("listen to the passes of a migration", self._register)
            self._registered = True

    def post_copy(self, uuid: str) -> None:
        self._tell("switch to post-copy", uuid, lambda guest: guest.migrateStartPostCopy(0))

    def pause_post_copy(self, uuid: str) -> None:
        import libvirt

        flags = libvirt.VIR_DOMAIN_ABORT_JOB_POSTCOPY
        self._tell("pause a post-copy", uuid, lambda guest: guest.abortJobFlags(flags))

    def _tell(self, what: str, uuid: str, tell: Callable[[libvirt.virDomain], Any]) -> None:
        def work(raw: libvirt.virConnect) -> None:
            tell(self._guests.handle(raw, uuid))

        self._link.call(what, work, seconds=_job.monitor_seconds(self._link), key=(what, uuid))

    def mute(self) -> None:
        """No more calls."""
        self._begun.clear()

    def _register(self, raw: libvirt.virConnect, undo: list[Callable[[], Any]]) -> None:
        import libvirt

        # for all guests: on a connection that replaces this one the guest may be gone already, which is no error then
        event = libvirt.VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION
        undo.append(
            partial(raw.domainEventDeregisterAny, raw.domainEventRegisterAny(None, event, self._iteration, None))
        )

    def _iteration(self, _conn: Any, guest: Any, _number: int, _opaque: Any) -> None:
        begun = self._begun.get(guest.UUIDString())
        if begun is not None:
            begun()
