"""Facts about hosts into rows: contact, identity, key, versions, what the machine is."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from hosts.facts.host import HostCapabilities, HostIdentity
from hosts.facts.text import as_uuid, clean, count
from hosts.models import Errand, Host
from hosts.watcher.rows import assign, fit, locked_host, outdated, patiently
from kvmweb.journal import writer
from kvmweb.journal.models import Kind

_LONGEST_TEXT = 2000


class NotThisHost(Exception):
    """The machine that answers must not be used under this name; the message says why."""


@patiently
def not_usable(pk: int, contact: Host.Contact, text: str, *, started: datetime, offered_fingerprint: str = "") -> None:
    """The host is away or refused since `started`. What is known stays. Ignored when it answered since."""
    host = locked_host(pk)
    if host is None or outdated(started, host.seen_at):
        return
    text = clean(text, _LONGEST_TEXT)
    moved = host.contact != contact
    changed = assign(host, {"contact": contact, "contact_text": text, "offered_fingerprint": offered_fingerprint})
    if not changed:
        return
    if moved:
        host.contact_since = started
    host.save(update_fields=[*changed, "contact_since"])
    if moved:
        writer.write(writer.host_topic(pk), Kind.NOTE, f"{host.name}: {host.get_contact_display().lower()}. {text}")
    writer.signal(writer.INVENTORY, hosts=[pk], guests=[])


@patiently
def is_it(pk: int, identity: HostIdentity, *, started: datetime) -> None:
    """Store who answered; raises NotThisHost when machine and name do not belong together."""
    host = locked_host(pk)
    if host is None or outdated(started, host.seen_at):
        return
    uuid = as_uuid(identity.uuid)
    if uuid is None:
        raise NotThisHost(f"The host gives no valid host UUID ({clean(identity.uuid, 60)}).")
    if host.host_uuid is not None and host.host_uuid != uuid:
        raise NotThisHost(
            f"Another machine answers than before: host UUID {uuid}, it was {host.host_uuid}. If that is "
            "intended, remove this host and register it again."
        )
    other = Host.objects.filter(host_uuid=uuid).exclude(pk=pk).first()
    if other is not None:
        raise NotThisHost(
            f"This is the same machine as {other.name} (host UUID {uuid}). If these are two machines, "
            "give each its own host_uuid in /etc/libvirt/libvirtd.conf."
        )
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
        writer.signal(writer.INVENTORY, hosts=[pk], guests=[])


@patiently
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


@patiently
def pin_key(pk: int, *, fingerprint: str, host_key: str, expected: str) -> bool:
    """Remember the ssh host key. `expected`: the fingerprint the row had; False when it was changed since.

    Without an expected one this is trust on first use, and the journal says so.
    """
    host = locked_host(pk)
    if host is None or host.fingerprint != expected or (host.host_key and host.host_key != host_key):
        return False
    host.fingerprint, host.host_key, host.offered_fingerprint = fingerprint, host_key, ""
    host.save(update_fields=["fingerprint", "host_key", "offered_fingerprint"])
    if not expected:
        text = (
            f"first contact with {host.name}: accepted the ssh host key {fingerprint}. Compare it on the "
            "host with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
        )
        writer.write(writer.host_topic(pk), Kind.NOTE, text, body={"fingerprint": fingerprint})
    writer.signal(writer.INVENTORY, hosts=[pk], guests=[])
    return True


@patiently
def errand_over(pk: int, *, error: str = "") -> None:
    """Whoever asked sees the end on the page; a second end of the same errand changes nothing."""
    errand = Errand.objects.filter(pk=pk, done__isnull=True).first()
    if errand is None:
        return
    hit = Errand.objects.filter(pk=pk, done__isnull=True).update(done=timezone.now(), error=clean(error, _LONGEST_TEXT))
    if hit:
        writer.signal(writer.INVENTORY, hosts=[errand.host_id], guests=[])
