"""A VM in the API's responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema

from hosts.models import Guest, Sighting
from migrations_app.api.texts import ConsentText, MemoryByText, RunStateText
from migrations_app.domain.convergence.policy import Consents
from migrations_app.models import consents_of


class ConsentOut(Schema):
    """What a policy may do to the VM: slow its CPUs down, pause it for longer than the policy's longest downtime, use
    post-copy."""

    slow: ConsentText
    pause: ConsentText
    post_copy: ConsentText


class OwnerOut(Schema):
    id: int
    name: str


class GuestOut(Schema):
    """`host`: where the VM runs, else where it is defined. `stale`: this host is not connected, or no host has the VM;
    `gone_since`: since when no host reports it. `addresses` come from the DHCP leases of the host's libvirt networks.
    `cpu_percent`: share of all its vCPUs. `memory_used_by`: whether the guest reports the memory in use, or it is what
    QEMU uses on the host. Null or empty when kvmweb does not know it, for example because the VM does not run.
    `policy`: the one that is set for this VM; null: that of its host counts, or of the installation.
    `probe_address`: the address that a user gave for probes. `team`: the team that the VM belongs to."""

    uuid: UUID
    name: str
    state: RunStateText | None
    host: str | None
    host_id: int | None
    memory_mib: int
    vcpus: int
    persistent: bool | None
    autostart: bool | None
    seen_at: datetime | None
    stale: bool
    gone_since: datetime | None
    addresses: list[str]
    cpu_percent: float | None
    memory_used_mib: int | None
    memory_used_by: MemoryByText | None
    migration: int | None
    disks: list[dict[str, Any]]
    nics: list[dict[str, Any]]
    consent: ConsentOut
    policy: str | None
    probe_address: str | None
    team: OwnerOut | None

    @staticmethod
    def resolve_consent(guest: Guest) -> Consents:
        return consents_of(guest)

    @staticmethod
    def resolve_policy(guest: Guest) -> str | None:
        choice = getattr(guest, "policy_choice", None)
        return choice.policy.name if choice else None

    @staticmethod
    def resolve_probe_address(guest: Guest) -> str | None:
        given = getattr(guest, "probe_address", None)
        return given.address if given else None

    @staticmethod
    def resolve_memory_mib(guest: Guest) -> int:
        return guest.memory_kib // 1024

    @staticmethod
    def resolve_state(guest: Guest) -> str | None:
        seen = _seen(guest)
        return seen.state if seen else None

    @staticmethod
    def resolve_host(guest: Guest) -> str | None:
        seen = _seen(guest)
        return seen.host.name if seen else None

    @staticmethod
    def resolve_host_id(guest: Guest) -> int | None:
        seen = _seen(guest)
        return seen.host_id if seen else None

    @staticmethod
    def resolve_persistent(guest: Guest) -> bool | None:
        seen = _seen(guest)
        return seen.persistent if seen else None

    @staticmethod
    def resolve_autostart(guest: Guest) -> bool | None:
        seen = _seen(guest)
        return seen.autostart if seen else None

    @staticmethod
    def resolve_seen_at(guest: Guest) -> datetime | None:
        seen = _seen(guest)
        return seen.seen_at if seen else None

    @staticmethod
    def resolve_addresses(guest: Guest) -> list[str]:
        seen = _measured(guest)
        return [one["address"] for one in seen.addresses] if seen else []

    @staticmethod
    def resolve_cpu_percent(guest: Guest) -> float | None:
        seen = _measured(guest)
        return seen.cpu_percent if seen else None

    @staticmethod
    def resolve_memory_used_mib(guest: Guest) -> int | None:
        seen = _measured(guest)
        return seen.memory_used_kib // 1024 if seen and seen.memory_used_kib is not None else None

    @staticmethod
    def resolve_memory_used_by(guest: Guest) -> str | None:
        seen = _measured(guest)
        if seen is None or seen.memory_used_kib is None:
            return None
        return "guest" if seen.memory_by_guest else "host"

    @staticmethod
    def resolve_gone_since(guest: Guest) -> datetime | None:
        left = guest.last_sighting()
        return left.gone_since if left else None

    @staticmethod
    def resolve_stale(guest: Guest) -> bool:
        seen = _seen(guest)
        return seen is None or not seen.host.answers


def _seen(guest: Guest) -> Sighting | None:
    sighting: Sighting | None = guest.current_sighting()
    return sighting


def _measured(guest: Guest) -> Sighting | None:
    seen = _seen(guest)
    return seen if seen and seen.measured else None
