""" "Test connection": connect to a host as the fields say, registered or not, and report what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils import timezone

from hosts import gateway
from hosts.facts.contact import Contact, ContactProblem
from hosts.facts.endpoint import Endpoint, Transport
from hosts.facts.host import version_text
from hosts.facts.text import as_uuid, clean_all
from hosts.models import Host, Introduction
from hosts.reading.public_key import public_key_line
from hosts.words.contact import explain
from hosts.words.identity import not_this_key

FirstContact = Callable[..., Contact]

#: for the login after the host key was read, however long reading it took
_LEAST_SECONDS = 2.0


def introduce(pk: int, *, first_contact: FirstContact = gateway.first_contact) -> None:
    """Fill the introduction's result; ssh takes two contacts: one reads the key, one logs in with just it.

    Done within settings.KVMWEB.host_deadline_seconds and two seconds, whatever the host does.
    """
    introduction = Introduction.objects.filter(pk=pk, done__isnull=True).first()
    if introduction is None:
        return
    fields = introduction.fields
    contact, endpoint = _meet(fields, first_contact)
    result = clean_all(_result(contact, endpoint, fields))
    Introduction.objects.filter(pk=pk, done__isnull=True).update(result=result, done=timezone.now())


def _meet(fields: dict[str, Any], first_contact: FirstContact) -> tuple[Contact, Endpoint]:
    deadline = settings.KVMWEB.host_deadline_seconds
    started = time.monotonic()
    endpoint = _endpoint(fields, fields.get("host_key", ""))
    contact = first_contact(endpoint, deadline=deadline)
    if contact.problem is not ContactProblem.HOST_KEY_UNKNOWN or not contact.host_key:
        return contact, endpoint
    expected = fields.get("fingerprint", "")
    if expected and expected != contact.fingerprint:
        return contact, endpoint
    scanned = contact
    endpoint = _endpoint(fields, scanned.host_key)
    left = max(_LEAST_SECONDS, deadline - (time.monotonic() - started))
    contact = first_contact(endpoint, deadline=left)
    if contact.fingerprint:
        return contact, endpoint
    return (
        Contact(
            identity=contact.identity,
            problem=contact.problem,
            message=contact.message,
            fingerprint=scanned.fingerprint,
            host_key=scanned.host_key,
            seconds=contact.seconds,
        ),
        endpoint,
    )


def _endpoint(fields: dict[str, Any], host_key: str) -> Endpoint:
    return Endpoint(
        transport=Transport(fields["transport"]),
        address=fields["address"],
        port=fields["port"],
        user=fields["user"],
        host_key=host_key,
    )


def _result(contact: Contact, endpoint: Endpoint, fields: dict[str, Any]) -> dict[str, Any]:
    identity = contact.identity
    ok = contact.problem is None and identity is not None
    said = explain(contact, endpoint, public_key=public_key_line())
    expected = fields.get("fingerprint", "")
    message, remedy = said.message, said.remedy
    if ok and identity is not None:
        message, remedy = f"Connected to libvirt on {identity.hostname}.", ""
    elif contact.problem is ContactProblem.HOST_KEY_UNKNOWN and expected:
        message = not_this_key(contact.fingerprint, expected)
    return {
        "ok": ok,
        "problem": str(contact.problem or ""),
        "message": message,
        "remedy": remedy,
        "details": "" if ok else said.details,
        "hostname": identity.hostname if identity else "",
        "host_uuid": identity.uuid if identity else "",
        "libvirt": version_text(identity.libvirt) if identity else "",
        "qemu": version_text(identity.qemu) if identity else "",
        "fingerprint": contact.fingerprint,
        "host_key": contact.host_key or endpoint.host_key,
        "known_as": _known_as(identity.uuid) if identity else "",
    }


def _known_as(host_uuid: str) -> str:
    """The name under which this machine is already registered."""
    parsed = as_uuid(host_uuid)
    known = Host.objects.filter(host_uuid=parsed).first() if parsed else None
    return known.name if known else ""
