"""Register a host, or change how it is reached. The watcher then connects to it; nothing here does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.db import IntegrityError, transaction

from hosts.models import Errand, Host
from hosts.usecases.errors import HostRefused
from hosts.usecases.host_fields import DOOR, HostFields, checked, columns, refuse_twins
from hosts.words import journal
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def register_host(fields: HostFields, *, by: User, reason: str = "") -> Host:
    """A new host, to be read at once. Raises HostRefused, PermissionDenied.

    With `fingerprint` (and `host_key`) only that ssh key is accepted, without it that of the first contact.
    """
    require(by, Right.MANAGE_HOSTS)
    values = checked(fields)
    try:
        with transaction.atomic():
            refuse_twins(values)
            host = Host.objects.create(**columns(values))
            _tell(host, by, journal.registered(host, values), values, reason)
    except IntegrityError:
        raise HostRefused("name", "Another host has this name.") from None
    return host


def change_host(host: Host, changes: HostFields, *, by: User, reason: str = "") -> Host:
    """Change the fields given, keep the others. Raises HostRefused, PermissionDenied.

    After a change of address, port or transport the next ssh host key is trusted; the host's UUID must stay.
    """
    require(by, Right.MANAGE_HOSTS, host)
    with transaction.atomic():
        host = Host.objects.select_for_update().get(pk=host.pk)
        before = {key: getattr(host, key) for key in HostFields.__annotations__}
        before["group"], left = host.group.name if host.group else "", host.group_id
        merged: dict[str, Any] = before | changes
        if any(merged[key] != before[key] for key in DOOR) or "fingerprint" in changes or "host_key" in changes:
            merged["fingerprint"] = changes.get("fingerprint", "")
            merged["host_key"] = changes.get("host_key", "")
        values = checked(cast("HostFields", merged))
        changed = {key: value for key, value in values.items() if value != before[key]}
        if not changed:
            return host
        refuse_twins(values, but=host)
        for key, value in columns(changed).items():
            setattr(host, key, value)
        if "fingerprint" in changed:
            host.offered_fingerprint = ""
        try:
            with transaction.atomic():
                host.save(update_fields=[*changed, "offered_fingerprint"])
        except IntegrityError:
            raise HostRefused("name", "Another host has this name.") from None
        _tell(host, by, journal.changed(host, before, changed), changed, reason, left)
    return host


def _tell(host: Host, by: User, did: str, body: dict[str, Any], reason: str, left: int | None = None) -> None:
    """`left`: the group that it belonged to before; its people see the host go."""
    writer.write(writer.host_topic(host.pk), EntryKind.ACTION, journal.by(by, did), body=body, actor=by, reason=reason)
    writer.signal(writer.INVENTORY, hosts=[host.pk], guests=[], groups=[left] if left else [])
    Errand.objects.create(host=host, what=Errand.What.REFRESH, asked_by=by)
