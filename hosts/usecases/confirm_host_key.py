"""An admin has compared the new ssh host key with the host itself, and trusts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from hosts.models import Errand, Host
from hosts.usecases.errors import HostRefused
from hosts.words import identity, journal
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def confirm_host_key(host: Host, *, by: User, fingerprint: str, reason: str = "") -> Host:
    """Pin `fingerprint`, which must be the one the host shows now. Raises HostRefused, PermissionDenied.

    The key itself is read again by the watcher, which accepts only one with this fingerprint.
    """
    require(by, Right.MANAGE_HOSTS, host)
    with transaction.atomic():
        host = Host.objects.select_for_update().get(pk=host.pk)
        if not host.offered_fingerprint:
            raise HostRefused("fingerprint", identity.no_key_to_confirm(host.name))
        if fingerprint.strip() != host.offered_fingerprint:
            raise HostRefused("fingerprint", identity.key_has_changed(host.name, host.offered_fingerprint))
        old = host.fingerprint
        host.fingerprint, host.host_key, host.offered_fingerprint = host.offered_fingerprint, "", ""
        host.save(update_fields=["fingerprint", "host_key", "offered_fingerprint"])
        text = journal.by(by, f"trusted the ssh host key {host.fingerprint} of {host.name}")
        body = {"before": old, "now": host.fingerprint}
        writer.write(writer.host_topic(host.pk), EntryKind.ACTION, text, body=body, actor=by, reason=reason)
        writer.signal(writer.INVENTORY, hosts=[host.pk], guests=[])
        Errand.objects.create(host=host, what=Errand.What.REFRESH, asked_by=by)
    return host
