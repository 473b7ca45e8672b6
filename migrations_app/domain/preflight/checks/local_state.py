"""UEFI variables and the state of a TPM are files of the host, and libvirt migrates them with the memory of a running
VM only. One that is shut off would get new, empty ones on the destination: boot entries, keys and disk encryption that
depends on them are lost. It blocks unless the file is on shared storage, or there is none yet. Of a VM that is started
paused for its migration the TPM arrives, and kvmweb copies the file with the UEFI variables."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import Sharing
from migrations_app.domain.kinds import KIND, OFF_KINDS
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy

LIVE = "Start the VM and migrate it live: libvirt then copies them too."
IF_LIVE = "Migrate it live, if it can: libvirt then copies them too."
EMULATED = "emulator"


@check(
    title="The VM keeps no state in files of the source",
    passed="The VM has no UEFI variables or TPM state that stay on the source.",
    needs=storage.NEEDS,
    unknown_blocks=True,
    kinds=OFF_KINDS,
)
def local_state(facts: Facts) -> Iterator[Finding]:
    guest, source = guest_of(facts), facts.source.name
    affects, live = f"VM {guest.name}", remedy(IF_LIVE if KIND[facts.request.kind].stops else LIVE)
    if EMULATED in guest.values("devices/tpm/backend/@type") and not KIND[facts.request.kind].starts_paused:
        words = f"{guest.name} has an emulated TPM; its state stays on {source}, and it would start with an empty one."
        yield finding(Severity.BLOCKER, words, affects, {"TPM": EMULATED}, live)
    path = guest.boot.nvram
    if not path:
        if "efi" in guest.values("os/@firmware") or "pflash" in guest.values("os/loader/@type"):
            words = (
                f"kvmweb cannot tell where {source} keeps the UEFI variables of {guest.name}; they would stay there."
            )
            yield finding(Severity.BLOCKER, words, affects, {"firmware": guest.boot.loader or "efi"}, live)
    elif not (_none_yet(facts, path) or KIND[facts.request.kind].starts_paused or _on_shared_storage(facts, path)):
        words = f"The UEFI variables of {guest.name} stay in a file of {source}; it would start with empty ones."
        share = remedy("Or put the file on storage that both hosts share, and change the definition.")
        yield finding(Severity.BLOCKER, words, f"file {path}", {"file": path}, live, share)


def _none_yet(facts: Facts, path: str) -> bool:
    """The VM has never started here: libvirt makes the file at its first start, wherever that is."""
    sizes = facts.source.firmware
    return not isinstance(sizes, Unknown) and path in sizes and sizes[path] is None


def _on_shared_storage(facts: Facts, path: str) -> bool:
    file = Disk(target="nvram", device="disk", type="file", path=path, format="raw")
    return storage.shared(facts, file) is Sharing.PROVEN
