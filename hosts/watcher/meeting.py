"""Connect to a host: first contact in a child process, ssh key, identity; then the connection to keep."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.utils import timezone

from hosts.facts.contact import Contact, ContactProblem
from hosts.facts.endpoint import Endpoint
from hosts.facts.host import HostIdentity
from hosts.gateway.port import HostConnection, HostUnreachable
from hosts.models import Host
from hosts.reading.public_key import public_key_line
from hosts.watcher import store_hosts
from hosts.watcher.sharing import Share, Sharing, share_nothing
from hosts.watcher.target import Target
from hosts.words.contact import Words, explain, not_kept
from hosts.words.identity import confirmed_key, other_key


class Connect(Protocol):
    def __call__(self, endpoint: Endpoint, *, deadline: float) -> HostConnection: ...


class FirstContact(Protocol):
    def __call__(self, endpoint: Endpoint, *, deadline: float) -> Contact: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """How hosts are reached (the gateway's entrances), seconds for each, how many are met at a time."""

    connect: Connect
    first_contact: FirstContact
    deadline: float
    meetings: threading.Semaphore
    share: Share = share_nothing


class NotUsable(Exception):
    """No connection, and what that means for the host."""

    def __init__(
        self, contact: Host.Contact, said: Words | str, *, more: str = "", offered_fingerprint: str = ""
    ) -> None:
        """`more`: another sentence about it."""
        words = said if isinstance(said, Words) else Words(said)
        super().__init__(words.text)
        self.contact = contact
        self.text = f"{words.text} {more}".strip()
        self.details = words.details
        self.offered_fingerprint = offered_fingerprint


#: the host answers and does not let kvmweb in; with any other problem it is not reachable
_DENIED = (ContactProblem.AUTH, ContactProblem.PERMISSION, ContactProblem.TLS_REFUSED)


def meet(target: Target, doors: Doors, sharing: Sharing) -> tuple[Target, HostConnection]:
    """The target as it is then, with the key. Raises NotUsable, store_hosts.Changed."""
    with doors.meetings:
        contact = doors.first_contact(target.endpoint, deadline=doors.deadline)
        if contact.problem is ContactProblem.HOST_KEY_UNKNOWN and contact.host_key and not target.endpoint.host_key:
            target = _accept_key(target, contact)
            contact = doors.first_contact(target.endpoint, deadline=doors.deadline)
    _check(target, contact)
    if contact.identity is not None:
        recognise(target, contact.identity, started=timezone.now())
    sharing.begin(target.endpoint)
    try:
        return target, doors.connect(target.endpoint, deadline=doors.deadline)
    except HostUnreachable as error:
        raise NotUsable(Host.Contact.AWAY, not_kept(error.message)) from None


def recognise(target: Target, identity: HostIdentity, *, started: datetime) -> None:
    """Store which machine answered. Raises NotUsable when it is not the one of that name, store_hosts.Changed."""
    try:
        store_hosts.is_it(target, identity, started=started)
    except store_hosts.NotThisHost as error:
        raise NotUsable(Host.Contact.REFUSED, str(error)) from None


def _accept_key(target: Target, contact: Contact) -> Target:
    """Trust on first use, or exactly the key that an admin confirmed."""
    if target.fingerprint and contact.fingerprint != target.fingerprint:
        raise NotUsable(
            Host.Contact.CONFIRM,
            other_key(contact.fingerprint, target.fingerprint),
            offered_fingerprint=contact.fingerprint,
        )
    return store_hosts.pin_key(target, fingerprint=contact.fingerprint, host_key=contact.host_key)


def _check(target: Target, contact: Contact) -> None:
    if contact.problem is None:
        return
    said = explain(contact, target.endpoint, public_key=public_key_line())
    if contact.problem is ContactProblem.HOST_KEY_CHANGED:
        more = confirmed_key(target.fingerprint)
        raise NotUsable(Host.Contact.CONFIRM, said, more=more, offered_fingerprint=contact.fingerprint)
    raise NotUsable(Host.Contact.DENIED if contact.problem in _DENIED else Host.Contact.AWAY, said)
