"""Facts about hosts into rows: contact, identity, key, versions, what the machine is."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from hosts.facts.host import HostCapabilities, HostIdentity
from hosts.facts.text import as_uuid, clean, count
from hosts.models import Errand, Host
from hosts.watcher import contact_notes
from hosts.watcher.rows import assign, fit, locked_host, outdated, stored
from hosts.watcher.target import Target
from hosts.words import journal
from hosts.words.identity import another_machine, no_machine, same_machine
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind

_LONGEST_TEXT = 2000


class NotThisHost(Exception):
    """The machine that answered must not be used under this name; the message says why."""


class Changed(Exception):
    """The row has changed since this attempt began: the answer may be another host's."""


@stored
def target(pk: int) -> Target:
    """What is known of the host now, by earlier attempts and from people. Raises Changed when it was removed."""
    host = Host.objects.filter(pk=pk).first()
    if host is None:
        raise Changed
    return Target.of(host)


@stored
def not_usable(
    pk: int, contact: Host.Contact, text: str, *, started: datetime, details: str = "", offered_fingerprint: str = ""
) -> None:
    """The host is not reachable or refused since `started`. What is known stays. Ignored if it answered since."""
    host = locked_host(pk)
    if host is None or outdated(started, host.seen_at):
        return
    moved = host.contact != contact
    said = {"contact_text": clean(text, _LONGEST_TEXT), "contact_details": clean(details, _LONGEST_TEXT)}
    changed = assign(host, {"contact": contact, **said, "offered_fingerprint": offered_fingerprint})
    if moved:
        host.contact_since = started
    changed += contact_notes.tell(host, moved=moved)
    if changed:
        host.save(update_fields=[*changed, "contact_since"])
        writer.signal(writer.INVENTORY, hosts=[pk], guests=[])


@stored
def is_it(target: Target, identity: HostIdentity, *, started: datetime) -> None:
    """Store who answered; raises NotThisHost when machine and name do not belong together, Changed."""
    host = _row(target)
    if outdated(started, host.seen_at):
        return
    uuid = as_uuid(identity.uuid)
    if uuid is None:
        raise NotThisHost(no_machine(clean(identity.uuid, 60)))
    if host.host_uuid is not None and host.host_uuid != uuid:
        raise NotThisHost(another_machine(uuid, host.host_uuid))
    other = Host.objects.filter(host_uuid=uuid).exclude(pk=host.pk).first()
    if other is not None:
        raise NotThisHost(same_machine(other.name, uuid))
    changed = assign(
        host,
        {
            "host_uuid": uuid,
            "hostname": fit(Host, "hostname", identity.hostname),
            "libvirt_version": count(identity.libvirt),
            "qemu_version": count(identity.qemu),
        },
    )
    if changed:
        host.save(update_fields=changed)
        writer.signal(writer.INVENTORY, hosts=[host.pk], guests=[])


@stored
def machine_seen(pk: int, capabilities: HostCapabilities, *, started: datetime) -> None:
    host = locked_host(pk)
    if host is None or outdated(started, host.seen_at):
        return
    changed = assign(
        host,
        {
            "arch": fit(Host, "arch", capabilities.arch),
            "cpus": count(capabilities.cpus, 2**31 - 1),
            "cpu_model": fit(Host, "cpu_model", capabilities.cpu_model),
            "cpu_vendor": fit(Host, "cpu_vendor", capabilities.cpu_vendor),
        },
    )
    if changed:
        host.save(update_fields=changed)
        writer.signal(writer.INVENTORY, hosts=[pk], guests=[])


@stored
def pin_key(target: Target, *, fingerprint: str, host_key: str) -> Target:
    """Remember the ssh host key; the target with it. Raises Changed.

    Without an expected fingerprint this is trust on first use, and the journal says so.
    """
    host = _row(target)
    host.fingerprint, host.host_key, host.offered_fingerprint = fingerprint, host_key, ""
    host.save(update_fields=["fingerprint", "host_key", "offered_fingerprint"])
    if not target.fingerprint:
        text = journal.first_key(host, fingerprint)
        writer.write(writer.host_topic(host.pk), EntryKind.NOTE, text, body={"fingerprint": fingerprint})
    writer.signal(writer.INVENTORY, hosts=[host.pk], guests=[])
    return Target.of(host)


def _row(target: Target) -> Host:
    """The row of this target, locked. Raises Changed when it was changed or removed since the target was read."""
    host = locked_host(target.pk)
    if host is None or Target.of(host) != target:
        raise Changed
    return host


@stored
def errand_over(pk: int, *, error: str = "") -> None:
    """The page then shows the result; a second end of the same errand changes nothing."""
    errand = Errand.objects.filter(pk=pk, done__isnull=True).first()
    if errand is None:
        return
    hit = Errand.objects.filter(pk=pk, done__isnull=True).update(done=timezone.now(), error=clean(error, _LONGEST_TEXT))
    if hit:
        writer.signal(writer.INVENTORY, hosts=[errand.host_id], guests=[])
