"""UEFI variables and the state of a TPM are files of the host, and libvirt migrates them with the memory of a running
VM only. One that is shut off would get new, empty ones on the destination: boot entries, keys and disk encryption that
depends on them are lost. The methods that copy disks or shut the VM down carry them, if their place is known. Offline
does not: it blocks unless the file is on shared storage, or there is none yet."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import Disk
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import Sharing
from migrations_app.domain.kinds import KIND, OFF_KINDS
from migrations_app.domain.own_files import EMULATED, has_emulated_tpm, tpm_elsewhere
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy

LIVE = "Start the VM and migrate it live: libvirt then copies them too."
IF_LIVE = "Migrate it live, if it can: libvirt then copies them too."


@check(
    title="The VM keeps no state in files of the source",
    passed="The VM has no UEFI variables or TPM state that stay on the source.",
    needs=storage.NEEDS,
    unknown_blocks=True,
    kinds=OFF_KINDS,
)
def local_state(facts: Facts) -> Iterator[Finding]:
    kind, guest, source = KIND[facts.request.kind], guest_of(facts), facts.source.name
    affects, live = f"VM {guest.name}", remedy(IF_LIVE if kind.stops else LIVE)
    carried = kind.carries_own_files
    if has_emulated_tpm(guest) and kind.stops and tpm_elsewhere(guest):
        words = f"{guest.name} has an emulated TPM, and kvmweb copies its state only from libvirt's own place."
        yield finding(Severity.BLOCKER, words, affects, {"TPM": EMULATED}, live)
    elif has_emulated_tpm(guest) and not carried:
        words = f"{guest.name} has an emulated TPM; its state stays on {source}, and it would start with an empty one."
        yield finding(Severity.BLOCKER, words, affects, {"TPM": EMULATED}, live)
    path = guest.boot.nvram
    if not path:
        if "efi" in guest.values("os/@firmware") or "pflash" in guest.values("os/loader/@type"):
            words = f"kvmweb cannot tell where {guest.name} has its UEFI variables; they would stay on {source}."
            yield finding(Severity.BLOCKER, words, affects, {"firmware": guest.boot.loader or "efi"}, live)
    elif not (_none_yet(facts, path) or carried or _on_shared_storage(facts, path)):
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
