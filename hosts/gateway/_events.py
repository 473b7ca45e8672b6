"""libvirt's events as HostEvents. Callbacks come from the event loop's thread and must only queue."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from hosts.gateway import _codes
from hosts.gateway._link import Link
from hosts.gateway.port import EventKind, HostEvent

if TYPE_CHECKING:
    import libvirt

logger = logging.getLogger(__name__)

Callback = Callable[[HostEvent], None]


class Events:
    """The registrations of one connection. libvirt keeps one close callback per connection: it serves all listeners."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._undo: list[Callable[[], Any]] = []
        self._listeners: list[Callback] = []

    def watch_close(self) -> None:
        """Notice the end of the connection, before anybody listens."""
        self._link.call("watch the connection", lambda raw: raw.registerCloseCallback(self._closed, None))

    def listen(self, callback: Callback) -> None:
        """Raises GatewayError when guests cannot be listened to; pools and networks may be missing on a host."""
        self._listeners.append(callback)
        if len(self._listeners) == 1:
            self._link.call("listen to guests", self._register_guests)
            for register in (self._register_pools, self._register_networks):
                with contextlib.suppress(Exception):
                    self._link.call(register.__name__, register)

    def mute(self) -> None:
        """Nobody hears anything any more, from now on."""
        self._listeners.clear()

    def stop(self) -> None:
        """Undo the registrations, which hold the connection open. May hang as long as the host does."""
        undo, self._undo = [*self._undo, self._link.raw.unregisterCloseCallback], []
        for step in undo:
            with contextlib.suppress(Exception):
                step()

    def _register_guests(self, raw: libvirt.virConnect) -> None:
        import libvirt

        for event, callback in (
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._guest_lifecycle),
            (libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, self._guest_changed),
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, self._guest_changed),
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, self._guest_changed),
            (libvirt.VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, self._guest_changed),
        ):
            number = raw.domainEventRegisterAny(None, event, callback, None)
            self._undo.append(partial(raw.domainEventDeregisterAny, number))

    def _register_pools(self, raw: libvirt.virConnect) -> None:
        import libvirt

        lifecycle, refresh = libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH
        for event, callback in ((lifecycle, self._pool_lifecycle), (refresh, self._pool_refreshed)):
            number = raw.storagePoolEventRegisterAny(None, event, callback, None)
            self._undo.append(partial(raw.storagePoolEventDeregisterAny, number))

    def _register_networks(self, raw: libvirt.virConnect) -> None:
        import libvirt

        event = libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE
        number = raw.networkEventRegisterAny(None, event, self._network_lifecycle, None)
        self._undo.append(partial(raw.networkEventDeregisterAny, number))

    # called by libvirt

    def _guest_lifecycle(self, _conn: Any, guest: Any, event: int, _detail: int, _opaque: Any) -> None:
        self._tell(EventKind.GUEST, guest, _codes.word(_codes.LIFECYCLE, event))

    def _guest_changed(self, _conn: Any, guest: Any, *_details: Any) -> None:
        self._tell(EventKind.GUEST, guest, "changed")

    def _pool_lifecycle(self, _conn: Any, pool: Any, event: int, _detail: int, _opaque: Any) -> None:
        self._tell(EventKind.POOL, pool, _codes.word(_codes.POOL_LIFECYCLE, event))

    def _pool_refreshed(self, _conn: Any, pool: Any, *_details: Any) -> None:
        self._tell(EventKind.POOL, pool, "refreshed")

    def _network_lifecycle(self, _conn: Any, network: Any, event: int, _detail: int, _opaque: Any) -> None:
        self._tell(EventKind.NETWORK, network, _codes.word(_codes.NETWORK_LIFECYCLE, event))

    def _closed(self, _conn: Any, reason: int, _opaque: Any) -> None:
        detail = _codes.word(_codes.CLOSE_REASONS, reason)
        self._link.lose(f"the connection to {self._link.name} ended: {detail}")
        self._send(HostEvent(kind=EventKind.CLOSED, detail=detail))

    def _tell(self, kind: EventKind, thing: Any, detail: str) -> None:
        try:
            uuid, name = thing.UUIDString(), thing.name()
        except Exception:  # a name that is not UTF-8: something changed all the same
            uuid = name = ""
        self._send(HostEvent(kind=kind, uuid=uuid, name=name, detail=detail))

    def _send(self, event: HostEvent) -> None:
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                logger.exception("a listener of %s failed", self._link.name)
