"""`virsh capabilities` -> HostCapabilities."""

from __future__ import annotations

from hosts.facts import xml
from hosts.facts.host import GuestArch, HostCapabilities, MachineType
from hosts.facts.xml import Node

#: a NUMA node
_CELL = "host/topology/cells/cell"
_UID_DIGITS = 10
_TSC = "host/cpu/counter[@name='tsc']"


def parse(text: str) -> HostCapabilities:
    """Raises BadXml."""
    capabilities = xml.parse(text, root="capabilities")
    return HostCapabilities(
        host_uuid=capabilities.text("host/uuid").lower(),
        arch=capabilities.text("host/cpu/arch"),
        cpu_model=capabilities.text("host/cpu/model"),
        cpu_vendor=capabilities.text("host/cpu/vendor"),
        cpu_features=frozenset(feature.get("name") for feature in capabilities.all("host/cpu/feature")),
        cpus=sum(xml.number(cpus.get("num")) for cpus in capabilities.all(f"{_CELL}/cpus")),
        cpu_numbers=frozenset(xml.number(cpu.get("id")) for cpu in capabilities.all(f"{_CELL}/cpus/cpu")),
        numa_nodes=frozenset(xml.number(cell.get("id")) for cell in capabilities.all(_CELL)),
        security_models=frozenset(model.text("model") for model in capabilities.all("host/secmodel")),
        qemu_uid=_qemu_uid(capabilities),
        tsc_frequency=xml.number(capabilities.get("frequency", _TSC)),
        tsc_scaling=capabilities.get("scaling", _TSC) == "yes",
        guests=tuple(_guest(guest) for guest in capabilities.all("guest") if guest.text("os_type") == "hvm"),
    )


def _qemu_uid(capabilities: Node) -> int | None:
    """The label that security driver "dac" gives: "+64055:+64055"."""
    labels = [m.text("baselabel") for m in capabilities.all("host/secmodel") if m.text("model") == "dac"]
    uid = labels[0].partition(":")[0].removeprefix("+") if labels else ""
    return int(uid) if uid.isdecimal() and len(uid) <= _UID_DIGITS else None


def _guest(guest: Node) -> GuestArch:
    """Machine types may be listed for the architecture and again for each domain type; each counts once."""
    machines: dict[str, MachineType] = {}
    for path in ("arch/machine", "arch/domain/machine"):
        for machine in guest.all(path):
            name = machine.text()
            machines.setdefault(name, MachineType(name=name, canonical=machine.get("canonical") or name))
    return GuestArch(
        arch=guest.get("name", "arch"),
        emulator=guest.text("arch/emulator"),
        machines=tuple(machines.values()),
        domain_types=tuple(domain.get("type") for domain in guest.all("arch/domain")),
    )
