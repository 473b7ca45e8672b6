"""Which lists of the domain capabilities say whether a host has a VM's devices. One row a list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`paths` of the definition, compared with the list `choice` of `device` in the domain capabilities.

    `always`: every libvirt that kvmweb supports sends the list, so that without it nothing is known. Newer lists are
    used where they come.
    """

    paths: tuple[str, ...]
    device: str
    choice: str
    what: str
    always: bool = True
    package: str = ""


SWTPM = "On Debian, Ubuntu and RHEL the packages swtpm and swtpm-tools."
MODULES = "QEMU's modules for it may be missing: on Debian qemu-system-modules-spice and qemu-system-gui."
ROWS = (
    Row(("devices/graphics/@type",), "graphics", "type", "graphics", package=MODULES),
    Row(("devices/video/model/@type",), "video", "modelType", "video model", package=MODULES),
    Row(("devices/tpm/@model",), "tpm", "model", "TPM model", package=SWTPM),
    Row(("devices/tpm/backend/@type",), "tpm", "backendModel", "TPM backend", package=SWTPM),
    Row(("devices/tpm/backend/@version",), "tpm", "backendVersion", "TPM version", always=False, package=SWTPM),
    Row(("devices/rng/backend/@model",), "rng", "backendModel", "random number generator"),
    Row(("devices/redirdev/@bus",), "redirdev", "bus", "USB redirection"),
    Row(("devices/panic/@model",), "panic", "model", "panic device", always=False),
)
