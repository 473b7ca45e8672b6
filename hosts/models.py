"""Hosts and what the watcher last saw on them.

Only the watcher writes facts; nothing is deleted because a host is away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from hosts.facts.endpoint import Endpoint, PeerEndpoint, Transport, is_loopback
from hosts.facts.guest import INACTIVE, RunState
from hosts.facts.host import version_text
from kvmweb.accounts.permissions import visible

if TYPE_CHECKING:
    from datetime import datetime


class VisibleQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        return visible(self, user)  # type: ignore[return-value]


class Host(models.Model):
    """A machine with libvirt. Addresses are fields, never URIs; the gateway builds those."""

    class Contact(models.TextChoices):
        NEVER = "never", "Not contacted yet"
        CONFIRM = "confirm", "Host key to confirm"
        ANSWERS = "answers", "Answers"
        AWAY = "away", "Does not answer"
        DENIED = "denied", "Login refused"  # by ssh, or by libvirt after it
        REFUSED = "refused", "Refused"  # by kvmweb: the same machine twice, or another one than before

    name = models.CharField(max_length=63, unique=True, error_messages={"unique": "A host has this name already."})
    transport = models.CharField(max_length=4, choices=[(t.value, t.value) for t in Transport])
    address = models.CharField(max_length=253, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    user = models.CharField(max_length=32, blank=True)
    peer_address = models.CharField(max_length=253, blank=True)
    peer_transport = models.CharField(max_length=4, blank=True)
    peer_user = models.CharField(max_length=32, blank=True)
    migration_address = models.CharField(max_length=253, blank=True)
    #: ssh: the confirmed host key and its fingerprint
    host_key = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=80, blank=True)
    #: ssh: the fingerprint the host shows now, when it is not the confirmed one; an admin may confirm it
    offered_fingerprint = models.CharField(max_length=80, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    # facts, written by the watcher only
    contact = models.CharField(max_length=8, choices=Contact.choices, default=Contact.NEVER)
    contact_text = models.TextField(blank=True)
    contact_since = models.DateTimeField(null=True, blank=True)
    #: the contact that the journal told last, and how often the host was lost since then; see contact_notes
    contact_told = models.CharField(max_length=8, default=Contact.NEVER)
    contact_losses = models.PositiveIntegerField(default=0)
    #: when libvirt last answered; everything below is as of then
    seen_at = models.DateTimeField(null=True, blank=True)
    hostname = models.CharField(max_length=253, blank=True)
    host_uuid = models.UUIDField(null=True, blank=True)
    libvirt_version = models.PositiveBigIntegerField(default=0)
    qemu_version = models.PositiveBigIntegerField(default=0)
    arch = models.CharField(max_length=32, blank=True)
    cpus = models.PositiveIntegerField(default=0)
    cpu_model = models.CharField(max_length=100, blank=True)
    cpu_vendor = models.CharField(max_length=60, blank=True)
    memory_total_kib = models.PositiveBigIntegerField(default=0)
    memory_free_kib = models.PositiveBigIntegerField(default=0)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["host_uuid"],
                condition=Q(host_uuid__isnull=False),
                name="host_uuid_once",
                violation_error_message="This machine is registered already under another name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(
            transport=Transport(self.transport),
            address=self.address,
            port=self.port,
            user=self.user,
            host_key=self.host_key,
        )

    @property
    def peer(self) -> PeerEndpoint | None:
        """How other hosts reach this one; None when no peer address was given and kvmweb's own way is only for itself:
        the local socket, or a loopback address (a tunnel)."""
        address = self.peer_address or self.address
        transport = self.peer_transport or self.transport
        if not address or transport == Transport.UNIX or is_loopback(address):
            return None
        user = self.peer_user or (self.user if transport == Transport.SSH else "")
        return PeerEndpoint(transport=Transport(transport), address=address, user=user)

    @property
    def answers(self) -> bool:
        return self.contact == self.Contact.ANSWERS

    @property
    def libvirt(self) -> str:
        return version_text(self.libvirt_version)

    @property
    def qemu(self) -> str:
        return version_text(self.qemu_version)

    @property
    def memory_used_kib(self) -> int:
        return max(0, self.memory_total_kib - self.memory_free_kib)


class StoragePool(models.Model):
    """Sizes in bytes. `source` is what makes two pools the same storage: host:dir, device or name, as one text."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="pools")
    name = models.CharField(max_length=255)
    uuid = models.UUIDField()
    type = models.CharField(max_length=20)
    target_path = models.CharField(max_length=4096, blank=True)
    source = models.TextField(blank=True)
    active = models.BooleanField()
    autostart = models.BooleanField()
    capacity = models.PositiveBigIntegerField()
    allocation = models.PositiveBigIntegerField()
    available = models.PositiveBigIntegerField()
    seen_at = models.DateTimeField()
    #: set when the host answered and no longer had it
    gone_since = models.DateTimeField(null=True, blank=True)
    volumes_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["host", "name"], name="pool_once_per_host")]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"


class Volume(models.Model):
    """Read on demand, when somebody opens a pool. Sizes in bytes."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="volumes")
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=4096)
    format = models.CharField(max_length=20, blank=True)
    capacity = models.PositiveBigIntegerField()
    allocation = models.PositiveBigIntegerField()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["pool", "name"], name="volume_once_per_pool")]

    def __str__(self) -> str:
        return self.path


class Network(models.Model):
    """A virtual network of libvirt."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="networks")
    name = models.CharField(max_length=255)
    uuid = models.UUIDField()
    bridge = models.CharField(max_length=64, blank=True)
    forward = models.CharField(max_length=20, blank=True)
    active = models.BooleanField()
    autostart = models.BooleanField()
    seen_at = models.DateTimeField()
    gone_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["host", "name"], name="network_once_per_host")]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"


class Bridge(models.Model):
    """A bridge of the host itself, such as br1."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="bridges")
    name = models.CharField(max_length=64)
    active = models.BooleanField()
    seen_at = models.DateTimeField()
    gone_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["host", "name"], name="bridge_once_per_host")]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}"


class Guest(models.Model):
    """A virtual machine as last seen, keyed by its UUID. Where it is: its sightings."""

    uuid = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=512)
    title = models.CharField(max_length=512, blank=True)
    virt_type = models.CharField(max_length=20, blank=True)
    arch = models.CharField(max_length=32, blank=True)
    machine = models.CharField(max_length=100, blank=True)
    cpu = models.CharField(max_length=200, blank=True)
    memory_kib = models.PositiveBigIntegerField(default=0)
    vcpus = models.PositiveIntegerField(default=0)
    #: lists of flat dicts, fields of hosts.facts.guest.Disk and Nic
    disks = models.JSONField(default=list)
    nics = models.JSONField(default=list)
    host_devices = models.JSONField(default=list)
    first_seen = models.DateTimeField(auto_now_add=True)
    #: when a host last told the definition above; None while only the name is known
    details_seen_at = models.DateTimeField(null=True, blank=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "uuid"]

    def __str__(self) -> str:
        return self.name

    def current_sighting(self) -> Sighting | None:
        """Where the guest is, as far as we know: where it runs, else where a migration holds it, else where it is
        defined; None when seen nowhere. migrations_app.reading.guests.guest_rows says the same to the database."""
        here = [sighting for sighting in self.sightings.all() if sighting.gone_since is None]
        here.sort(key=lambda sighting: (not sighting.active, sighting.in_migration, -sighting.seen_at.timestamp()))
        return here[0] if here else None


#: a paused guest with one of these reasons is half of a running migration: what arrives, or what is being left
IN_MIGRATION = {"state": RunState.PAUSED, "reason__in": ("migration", "post-copy")}


class Sighting(models.Model):
    """A guest seen on a host. A guest that left keeps its row, with `gone_since`: that is what we know."""

    guest = models.ForeignKey(Guest, on_delete=models.CASCADE, related_name="sightings")
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="sightings")
    state = models.CharField(max_length=20, choices=[(s.value, s.value) for s in RunState])
    reason = models.CharField(max_length=60, blank=True)
    persistent = models.BooleanField(null=True)
    autostart = models.BooleanField(null=True)
    managed_save = models.BooleanField(null=True)
    snapshots = models.PositiveIntegerField(null=True)
    #: when the host last told these four
    details_seen_at = models.DateTimeField(null=True, blank=True)
    #: when the host last said so
    seen_at = models.DateTimeField()
    state_since = models.DateTimeField()
    #: set when the host answered and no longer had it
    gone_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["guest", "host"], name="sighting_once")]
        indexes: ClassVar = [models.Index(fields=["host", "gone_since"], name="sighting_of_host")]

    def __str__(self) -> str:
        return f"{self.guest} on {self.host}: {self.state}"

    @property
    def active(self) -> bool:
        return self.state not in INACTIVE

    @property
    def in_migration(self) -> bool:
        return self.state == IN_MIGRATION["state"] and self.reason in IN_MIGRATION["reason__in"]

    @property
    def stale_since(self) -> datetime | None:
        """When the host was last heard, if it does not answer now: what we show is as old as that."""
        return None if self.host.answers else self.seen_at


class Errand(models.Model):
    """Something the watcher (the only writer of facts) is asked to do: read a host again, list a pool's volumes."""

    class What(models.TextChoices):
        REFRESH = "refresh"
        VOLUMES = "volumes"

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="errands")
    what = models.CharField(max_length=10, choices=What.choices)
    pool = models.CharField(max_length=255, blank=True)
    asked = models.DateTimeField(auto_now_add=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    done = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["id"], condition=Q(done__isnull=True), name="errand_open")]

    def __str__(self) -> str:
        return f"{self.what} {self.host}"


class Introduction(models.Model):
    """One "Test connection": the fields that were tried and what a first contact saw. Done by a worker, not the web."""

    fields = models.JSONField()
    asked = models.DateTimeField(auto_now_add=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    done = models.DateTimeField(null=True)
    #: {"ok", "problem", "message", "remedy", "hostname", "host_uuid", "libvirt", "qemu", "fingerprint", "host_key",
    #:  "known_as"}
    result = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"introduction {self.pk}"
