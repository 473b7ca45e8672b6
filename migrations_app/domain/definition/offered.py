"""Which lists of the domain capabilities say whether a host has a VM's devices. One row a list."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.facts.guest import GuestDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`paths` of the definition, compared with the list `choice` of `device` in the domain capabilities.

    `when`: the only values that the list is asked about; () are all. `needs`: what to look for in the list, where that
    is another word than the value. `unless`: the path that makes the question needless. `always`: every libvirt that
    kvmweb supports sends the list, so that without it nothing is known. Newer lists are used where they come.
    """

    paths: tuple[str, ...]
    device: str
    choice: str
    what: str
    when: tuple[str, ...] = ()
    needs: str = ""
    unless: str = ""
    always: bool = True
    package: str = ""

    def wanted(self, guest: GuestDefinition) -> tuple[str, ...]:
        """The entries of the list that this VM needs."""
        if self.unless and guest.values(self.unless):
            return ()
        values = [value for value in guest.values(*self.paths) if not self.when or value in self.when]
        return tuple(dict.fromkeys(self.needs or value for value in values))


SWTPM = "On Debian, Ubuntu and RHEL the packages swtpm and swtpm-tools."
MODULES = "QEMU's modules for it may be missing: on Debian qemu-system-modules-spice and qemu-system-gui."
OVMF = "On Debian and Ubuntu the package ovmf, on RHEL edk2-ovmf."
SPICE = ("devices/channel/@type", "devices/redirdev/@type", "devices/smartcard/@type", "devices/serial/@type")
HYPERV = (
    *("relaxed", "vapic", "spinlocks", "vpindex", "runtime", "synic", "stimer", "reset", "vendor_id", "frequencies"),
    *("reenlightenment", "tlbflush", "ipi", "evmcs", "avic", "emsr_bitmap", "xmm_input"),
)


def _row(path: str, device: str, choice: str, what: str, *, package: str = "", always: bool = True) -> Row:
    return Row(paths=(path,), device=device, choice=choice, what=what, package=package, always=always)


def _hyperv(name: str) -> Row:
    path, what = f"features/hyperv/{name}/@state", "Hyper-V feature"
    return Row(paths=(path,), device="hyperv", choice="features", what=what, when=("on",), needs=name)


ROWS = (
    _row("devices/graphics/@type", "graphics", "type", "graphics", package=MODULES),
    _row("devices/video/model/@type", "video", "modelType", "video model", package=MODULES),
    _row("devices/tpm/@model", "tpm", "model", "TPM model", package=SWTPM),
    _row("devices/tpm/backend/@type", "tpm", "backendModel", "TPM backend", package=SWTPM),
    _row("devices/tpm/backend/@version", "tpm", "backendVersion", "TPM version", always=False, package=SWTPM),
    _row("devices/rng/@model", "rng", "model", "random number generator"),
    _row("devices/rng/backend/@model", "rng", "backendModel", "source of random numbers"),
    _row("devices/redirdev/@bus", "redirdev", "bus", "USB redirection"),
    _row("devices/panic/@model", "panic", "model", "panic device", always=False),
    _row("devices/disk/@device", "disk", "diskDevice", "disk device"),
    _row("devices/disk/@model", "disk", "model", "disk model"),
    _row("devices/disk/target/@bus", "disk", "bus", "disk bus"),
    _row("memoryBacking/source/@type", "memoryBacking", "sourceType", "source of memory"),
    Row(
        paths=SPICE,
        device="channel",
        choice="type",
        what="SPICE channel",
        when=("spicevmc", "spiceport"),
        needs="spicevmc",
        package=MODULES,
    ),
    Row(paths=("features/gic/@version",), device="gic", choice="version", what="GIC version", when=("2", "3", "4")),
    Row(paths=("os/@firmware",), device="os", choice="firmware", what="firmware", unless="os/loader", package=OVMF),
    *(_hyperv(name) for name in HYPERV),
)
