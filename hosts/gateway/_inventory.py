"""What a host is and has: identity, capabilities, guests, networks, bridges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.facts import capabilities_xml, domain_capabilities_xml, network_xml
from hosts.facts.guest import GuestStatus
from hosts.facts.host import DomainCapabilities, HostCapabilities, HostIdentity, NodeMemory
from hosts.facts.network import Network
from hosts.gateway import _codes, _errors
from hosts.gateway._link import Link

if TYPE_CHECKING:
    import libvirt


def identity(link: Link) -> HostIdentity:
    def work(raw: libvirt.virConnect) -> HostIdentity:
        return read_identity(raw)

    return link.call("its UUID and versions", work)


def read_identity(raw: libvirt.virConnect) -> HostIdentity:
    """`qemu` is 0 on a host without QEMU."""
    import libvirt

    try:
        qemu = int(raw.getVersion())
    except libvirt.libvirtError:
        if not raw.isAlive():
            raise
        qemu = 0
    return HostIdentity(
        hostname=raw.getHostname(),
        uuid=capabilities_xml.parse(raw.getCapabilities()).host_uuid,
        libvirt=int(raw.getLibVersion()),
        qemu=qemu,
    )


def capabilities(link: Link) -> HostCapabilities:
    return link.call("its capabilities", lambda raw: capabilities_xml.parse(raw.getCapabilities()))


def domain_capabilities(link: Link, *, emulator: str, arch: str, machine: str, virt_type: str) -> DomainCapabilities:
    def work(raw: libvirt.virConnect) -> DomainCapabilities:
        text = raw.getDomainCapabilities(emulator or None, arch or None, machine or None, virt_type or None, 0)
        return domain_capabilities_xml.parse(text)

    return link.call("its domain capabilities", work)


def compare_cpu(
    link: Link, *, emulator: str, arch: str, machine: str, virt_type: str, cpu_xml: str
) -> tuple[bool, str]:
    def work(raw: libvirt.virConnect) -> tuple[bool, str]:
        import libvirt

        flags = libvirt.VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE
        try:
            answer = raw.compareHypervisorCPU(
                emulator or None, arch or None, machine or None, virt_type or None, cpu_xml, flags
            )
        except libvirt.libvirtError as error:
            if error.get_error_code() == _errors.CPU_INCOMPATIBLE:
                return False, _errors.said(error)
            raise
        usable = answer in (libvirt.VIR_CPU_COMPARE_IDENTICAL, libvirt.VIR_CPU_COMPARE_SUPERSET)
        words = {
            libvirt.VIR_CPU_COMPARE_IDENTICAL: "the CPU is identical",
            libvirt.VIR_CPU_COMPARE_SUPERSET: "the host's CPU has all features of the VM's",
        }
        return usable, words.get(answer, "the CPU is incompatible")

    return link.call("compare the CPU", work)


def memory(link: Link) -> NodeMemory:
    def work(raw: libvirt.virConnect) -> NodeMemory:
        import libvirt

        stats = raw.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS, 0)
        free = sum(int(stats.get(key, 0)) for key in ("free", "buffers", "cached"))
        return NodeMemory(total_kib=int(stats.get("total", 0)), free_kib=free)

    return link.call("its memory", work)


def guests(link: Link) -> tuple[GuestStatus, ...]:
    """One call for all guests, without their monitors: a stuck guest does not delay the others.

    So memory and CPUs are 0 here; they stand in the definition.
    """

    def work(raw: libvirt.virConnect) -> tuple[GuestStatus, ...]:
        import libvirt

        flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        rows = raw.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, flags)
        return tuple(_status(guest, stats) for guest, stats in rows)

    return link.call("its VMs", work)


def _status(guest: libvirt.virDomain, stats: dict[str, int]) -> GuestStatus:
    state = _codes.run_state(stats.get("state.state", 0))
    return GuestStatus(
        uuid=guest.UUIDString(),
        name=guest.name(),
        state=state,
        reason=_codes.reason(state, stats.get("state.reason", 0)),
    )


def find_guest(link: Link, *, uuid: str = "", name: str = "") -> GuestStatus | None:
    """By UUID, or by name."""

    def work(raw: libvirt.virConnect) -> GuestStatus | None:
        import libvirt

        try:
            guest = raw.lookupByUUIDString(uuid) if uuid else raw.lookupByName(name)
            number, why = guest.state()
            numbers = guest.info()
        except libvirt.libvirtError as error:
            if error.get_error_code() == _errors.NO_DOMAIN:
                return None
            raise
        state = _codes.run_state(number)
        return GuestStatus(
            uuid=guest.UUIDString(),
            name=guest.name(),
            state=state,
            reason=_codes.reason(state, why),
            current_memory_kib=int(numbers[2]),
            vcpus=int(numbers[3]),
        )

    return link.call("a guest", work, key=("find", uuid, name))


def networks(link: Link) -> tuple[Network, ...]:
    def work(raw: libvirt.virConnect) -> tuple[Network, ...]:
        import libvirt

        active = {n.UUIDString() for n in raw.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE)}
        auto = {n.UUIDString() for n in raw.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_AUTOSTART)}
        found = []
        for network in raw.listAllNetworks(0):
            uuid = network.UUIDString()
            try:
                text = network.XMLDesc(0)
            except libvirt.libvirtError as error:
                if error.get_error_code() == _errors.NO_NETWORK:
                    continue
                raise
            found.append(network_xml.parse(text, active=uuid in active, autostart=uuid in auto))
        return tuple(found)

    return link.call("its networks", work)
