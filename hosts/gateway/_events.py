"""libvirt's events as HostEvents. Callbacks come from the event loop's thread and must only queue."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from hosts.gateway import _codes
from hosts.gateway._link import Link
from hosts.gateway.port import EventKind, HostEvent, Refused

if TYPE_CHECKING:
    import libvirt

logger = logging.getLogger(__name__)

Callback = Callable[[HostEvent], None]


Undo = list[Callable[[], Any]]


class Events:
    """The events of one connection. libvirt keeps one close callback per connection: it serves all listeners."""

    def __init__(self, link: Link) -> None:
        """Raises GatewayError. The end of the connection is noticed from now on."""
        self._link = link
        self._listeners: list[Callback] = []
        self._heard = False
        link.prepare("watch the connection", self._watch_close)

    def listen(self, callback: Callback) -> None:
        """Raises GatewayError when guests cannot be listened to; pools and networks may be missing on a host."""
        self._listeners.append(callback)
        if len(self._listeners) == 1:
            self._link.prepare("listen to VM events", self._register_guests)
            for what, step in (("pools", self._register_pools), ("networks", self._register_networks)):
                with contextlib.suppress(Refused):
                    self._link.prepare(f"listen to {what}", step)

    def mute(self) -> None:
        """No more events."""
        self._listeners.clear()

    def _watch_close(self, raw: libvirt.virConnect, undo: Undo) -> None:
        raw.registerCloseCallback(self._closed, None)
        undo.append(raw.unregisterCloseCallback)

    def _register_guests(self, raw: libvirt.virConnect, undo: Undo) -> None:
        import libvirt

        for event, callback in (
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._guest_lifecycle),
            (libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, self._guest_changed),
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, self._guest_changed),
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, self._guest_changed),
            (libvirt.VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, self._guest_changed),
        ):
            undo.append(partial(raw.domainEventDeregisterAny, raw.domainEventRegisterAny(None, event, callback, None)))
        if self._heard:  # this connection replaces another one: what happened in between is not known
            self._send(HostEvent(kind=EventKind.GUEST, detail="missed"))
        self._heard = True

    def _register_pools(self, raw: libvirt.virConnect, undo: Undo) -> None:
        import libvirt

        lifecycle, refresh = libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH
        for event, callback in ((lifecycle, self._pool_lifecycle), (refresh, self._pool_refreshed)):
            number = raw.storagePoolEventRegisterAny(None, event, callback, None)
            undo.append(partial(raw.storagePoolEventDeregisterAny, number))

    def _register_networks(self, raw: libvirt.virConnect, undo: Undo) -> None:
        import libvirt

        event = libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE
        number = raw.networkEventRegisterAny(None, event, self._network_lifecycle, None)
        undo.append(partial(raw.networkEventDeregisterAny, number))

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

    def _closed(self, raw: Any, reason: int, _opaque: Any) -> None:
        if not self._link.is_current(raw):
            return
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
