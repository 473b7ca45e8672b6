"""The files in which a host keeps the state of a VM beside its disks: UEFI variables, and what its emulated TPM knows.

libvirt migrates them with the memory of a VM that runs. For one that is shut off kvmweb copies them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from hosts.facts.guest import GuestDefinition

EMULATED = "emulator"
#: where libvirt keeps what emulated TPMs know: a folder for each VM
TPM_STATE = "/var/lib/libvirt/swtpm"
#: the TPM emulator's own names, by the version of the TPM
_TPM_FILES = {"1.2": "tpm1.2/tpm-00.permall", "2.0": "tpm2/tpm2-00.permall"}
_TPM_DEFAULT = "2.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    what: str
    path: str


def own_files(guest: GuestDefinition) -> Iterator[OwnFile]:
    """Those whose place is known."""
    if guest.boot.nvram:
        yield OwnFile(what="UEFI variables", path=guest.boot.nvram)
    if has_emulated_tpm(guest) and not tpm_elsewhere(guest):
        version = (guest.values("devices/tpm/backend/@version") or (_TPM_DEFAULT,))[0]
        if file := _TPM_FILES.get(version):
            yield OwnFile(what="TPM state", path=posixpath.join(TPM_STATE, guest.uuid, file))


def has_emulated_tpm(guest: GuestDefinition) -> bool:
    return EMULATED in guest.values("devices/tpm/backend/@type")


def tpm_elsewhere(guest: GuestDefinition) -> bool:
    """Its definition names another place for the state."""
    return any(path.startswith("devices/tpm/backend/source") for path, _ in guest.leaves)
