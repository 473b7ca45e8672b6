"""Meet a host: first contact in a child process, ssh key, identity; then open the connection to keep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.utils import timezone

from hosts.facts.endpoint import Endpoint
from hosts.gateway.port import Contact, ContactProblem, HostConnection, HostUnreachable
from hosts.models import Host
from hosts.usecases.contact_words import words
from hosts.usecases.queries import public_key_line
from hosts.watcher import store_hosts
from hosts.watcher.target import Target


class Connect(Protocol):
    def __call__(self, endpoint: Endpoint, *, deadline: float) -> HostConnection: ...


class FirstContact(Protocol):
    def __call__(self, endpoint: Endpoint, *, deadline: float) -> Contact: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """How hosts are reached (the gateway's two entrances), seconds for each, how many are met at a time."""

    connect: Connect
    first_contact: FirstContact
    deadline: float
    meetings: threading.Semaphore


class NotUsable(Exception):
    """No connection. `retry`: seconds until the next try, None: when a person changed something."""

    def __init__(self, contact: Host.Contact, text: str, *, retry: float | None, offered_fingerprint: str = "") -> None:
        super().__init__(text)
        self.contact = contact
        self.text = text
        self.retry = retry
        self.offered_fingerprint = offered_fingerprint


#: a host that shows another key is looked at now and then: the right one may come back
KEY_RETRY_SECONDS = 60.0


def meet(
    target: Target, doors: Doors, *, pinned: Callable[[Target], None], away_retry: float
) -> tuple[Target, HostConnection]:
    """Raises NotUsable. `pinned` is told the target with the host key before that key is committed."""
    with doors.meetings:
        contact = doors.first_contact(target.endpoint, deadline=doors.deadline)
        if contact.problem is ContactProblem.HOST_KEY_UNKNOWN and contact.host_key and not target.endpoint.host_key:
            target = _accept_key(target, contact, pinned)
            contact = doors.first_contact(target.endpoint, deadline=doors.deadline)
    _check(target, contact, away_retry)
    if contact.identity is not None:
        try:
            store_hosts.is_it(target.pk, contact.identity, started=timezone.now())
        except store_hosts.NotThisHost as error:
            raise NotUsable(Host.Contact.REFUSED, str(error), retry=None) from None
    try:
        return target, doors.connect(target.endpoint, deadline=doors.deadline)
    except HostUnreachable as error:
        text = f"libvirt answered, but the connection to keep could not be opened: {error.message}"
        raise NotUsable(Host.Contact.AWAY, text, retry=away_retry) from None


def _accept_key(target: Target, contact: Contact, pinned: Callable[[Target], None]) -> Target:
    """Trust on first use, or exactly the key that a person confirmed."""
    if target.fingerprint and contact.fingerprint != target.fingerprint:
        raise NotUsable(
            Host.Contact.CONFIRM,
            f"The host shows the ssh host key {contact.fingerprint}, expected is {target.fingerprint}. "
            "Compare both on the host with ssh-keygen -lf before you confirm the new one.",
            retry=KEY_RETRY_SECONDS,
            offered_fingerprint=contact.fingerprint,
        )
    met = target.with_key(fingerprint=contact.fingerprint, host_key=contact.host_key)
    pinned(met)
    if not store_hosts.pin_key(
        target.pk, fingerprint=contact.fingerprint, host_key=contact.host_key, expected=target.fingerprint
    ):
        raise NotUsable(Host.Contact.NEVER, "The host was changed meanwhile.", retry=1.0)
    return met


def _check(target: Target, contact: Contact, away_retry: float) -> None:
    if contact.problem is None:
        return
    said = words(contact, target.endpoint, public_key=public_key_line())
    if contact.problem is ContactProblem.HOST_KEY_CHANGED:
        text = f"{said} The confirmed key is {target.fingerprint}."
        raise NotUsable(Host.Contact.CONFIRM, text, retry=KEY_RETRY_SECONDS, offered_fingerprint=contact.fingerprint)
    raise NotUsable(Host.Contact.AWAY, str(said), retry=away_retry)


class CallClock:
    """Since when this thread waits for the host's answer; read by the main thread."""

    def __init__(self) -> None:
        self._since: float | None = None
        #: the main thread has called the host away because of the present call
        self.reported = False

    def start(self) -> None:
        self.reported = False
        self._since = time.monotonic()

    def stop(self) -> None:
        self._since = None

    def waiting(self) -> float:
        """Seconds the present call takes; 0 when there is none."""
        since = self._since
        return time.monotonic() - since if since is not None else 0.0
