"""A host: how it is reached, and what it is."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from hosts.facts.endpoint import Endpoint, PeerEndpoint, Transport, is_loopback
from hosts.facts.host import version_text
from kvmweb.accounts.permissions import visible


class VisibleQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        return visible(self, user)  # type: ignore[return-value]


class Host(models.Model):
    """A machine with libvirt. Addresses are fields, never URIs; the gateway builds those."""

    class Contact(models.TextChoices):
        NEVER = "never", "Not contacted yet"
        CONFIRM = "confirm", "Host key to confirm"
        ANSWERS = "answers", "Connected"
        AWAY = "away", "Not reachable"
        DENIED = "denied", "Login refused"  # by ssh, or by libvirt after it
        REFUSED = "refused", "Refused"  # by kvmweb: one machine under two names, or another machine than before

    name = models.CharField(max_length=63, unique=True, error_messages={"unique": "Another host has this name."})
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
    group = models.ForeignKey("hosts.HostGroup", null=True, blank=True, on_delete=models.SET_NULL, related_name="hosts")
    created = models.DateTimeField(auto_now_add=True)

    # facts, written by the watcher only
    contact = models.CharField(max_length=8, choices=Contact.choices, default=Contact.NEVER)
    contact_text = models.TextField(blank=True)
    #: the text of ssh, libvirt or the system behind it, as it came
    contact_details = models.TextField(blank=True)
    contact_since = models.DateTimeField(null=True, blank=True)
    #: the contact of the journal's last note, and how often the host was lost since then; see contact_notes
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
                violation_error_message="This machine is already registered under another name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def in_groups(groups: Collection[int]) -> Q:
        return Q(group__in=groups)

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
