"""What the destination's QEMU can do for this guest."""

from __future__ import annotations

from hosts.facts.guest import GuestDefinition
from hosts.facts.host import DomainCapabilities
from hosts.facts.unknown import Unknown
from hosts.gateway.port import HostConnection
from migrations_app.worker.facts.side import Side


def domcaps(guest: GuestDefinition | Unknown, side: Side) -> DomainCapabilities | Unknown:
    if isinstance(guest, Unknown):
        return guest
    return side.learn(
        lambda c: c.domain_capabilities(
            emulator=guest.emulator, arch=guest.arch, machine=guest.machine, virt_type=guest.virt_type
        )
    )


def cpu(guest: GuestDefinition | Unknown, side: Side) -> tuple[bool, str] | Unknown:
    """Whether it can run the guest's CPU, with libvirt's words."""
    if isinstance(guest, Unknown):
        return guest
    if guest.virt_type != "kvm":
        return Unknown("libvirt compares CPUs only for KVM.")
    if not guest.cpu.xml:
        return Unknown(f"The definition of {guest.name} does not say which CPU it has.")

    def compare(c: HostConnection) -> tuple[bool, str]:
        return c.compare_cpu(
            emulator=guest.emulator,
            arch=guest.arch,
            machine=guest.machine,
            virt_type=guest.virt_type,
            cpu_xml=guest.cpu.xml,
        )

    return side.learn(compare)
