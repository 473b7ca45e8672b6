"""What a host reports about itself: identity, versions, memory, capabilities."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIdentity:
    """`libvirt` and `qemu` are numbers as libvirt gives them: major * 1_000_000 + minor * 1_000 + release."""

    hostname: str
    uuid: str
    libvirt: int
    qemu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMemory:
    """KiB. `free_kib` counts caches and buffers as free, because a starting QEMU may take them.

    Of the destination of a migration it is what the kernel calls available, where that can be asked.
    """

    total_kib: int
    free_kib: int


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device that a host's kernel has. `model`: vendor and product, or the type of a mediated device. `driver` of a
    PCI device: that by which the host may have its storage or network, "" for none, None when that is not known."""

    model: str
    driver: str | None = None

    @property
    def free(self) -> bool | None:
        """Whether the host itself does not use it: libvirt takes it away from a driver of the host without asking.
        Drivers that hand a device to VMs are named vfio-pci, mlx5_vfio_pci, ..."""
        if self.driver is None:
            return None
        return self.driver in ("", "pci-stub") or self.driver.replace("_", "-").endswith("vfio-pci")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineType:
    """One `<machine>` of the capabilities: its name and, for an alias such as `q35`, the canonical name."""

    name: str
    canonical: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestArch:
    arch: str
    emulator: str
    machines: tuple[MachineType, ...]
    domain_types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCapabilities:
    """Parsed `virsh capabilities`."""

    host_uuid: str
    arch: str
    cpu_model: str
    cpu_vendor: str
    cpu_features: frozenset[str]
    cpus: int
    guests: tuple[GuestArch, ...]
    #: the numbers of its CPUs and NUMA nodes; empty when libvirt does not say
    cpu_numbers: frozenset[int] = frozenset()
    numa_nodes: frozenset[int] = frozenset()
    #: the security drivers of its libvirtd: "selinux", "apparmor", "dac"
    security_models: frozenset[str] = frozenset()
    #: the user that its QEMUs run as; None when libvirt does not say
    qemu_uid: int | None = None
    #: of its CPU's time stamp counter, in Hz; 0 when libvirt does not say
    tsc_frequency: int = 0
    tsc_scaling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuMode:
    supported: bool
    #: usable models for mode `custom`; empty for the other modes
    models: frozenset[str] = frozenset()
    #: models that are known but cannot run here
    blocked_models: frozenset[str] = frozenset()
    #: models of which libvirt does not say whether they can run here
    doubtful_models: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainCapabilities:
    """Parsed `virsh domcapabilities` for one emulator, arch, machine and virt type."""

    emulator: str
    machine: str
    arch: str
    virt_type: str
    max_vcpus: int
    cpu_modes: dict[str, CpuMode] = field(default_factory=dict)
    host_model_vendor: str = ""
    host_model_features: frozenset[str] = frozenset()
    loaders: tuple[str, ...] = ()
    #: ("graphics", "type") -> {"vnc", "spice"}: what QEMU offers there; no entry where libvirt does not say
    offers: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    #: physical address bits of a host-model CPU here; 0 when libvirt does not say
    address_bits: int = 0


def version_text(number: int) -> str:
    """9000000 -> "9.0.0"."""
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}" if number else ""
