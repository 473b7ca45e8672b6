"""Kernel, initrd, device tree and firmware are files of the host; QEMU opens them on the destination."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.definition.needs import nvram_folder
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


@check(
    title="The VM's kernel and firmware files are on the destination",
    passed="The destination has the VM's kernel and firmware files.",
    needs=("guest.definition",),
)
def boot_files(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    boot = guest.boot
    needed = {
        "kernel": boot.kernel,
        "initrd": boot.initrd,
        "device tree": boot.dtb,
        "boot shim": boot.shim,
        "firmware": boot.loader,
        "template of UEFI variables": boot.nvram_template,
        "folder of UEFI variables": nvram_folder(boot),
    }
    # Firmware that libvirt itself offers comes as a package, with its template.
    firmwares = () if isinstance(facts.target.domcaps, Unknown) else facts.target.domcaps.loaders
    offered = ("firmware", "template of UEFI variables") if boot.loader in firmwares else ()
    for what, path in needed.items():
        if not path or what in offered:
            continue
        there = known(facts.target.files, "target.files").get(path, Unknown("kvmweb did not ask."))
        fix = remedy(f"Copy the file from {source} to the same path on {target}.")
        if isinstance(there, Unknown):
            words = f"kvmweb cannot tell whether {target} has {path}, the {what} of {guest.name}."
            yield finding(Severity.UNKNOWN, words, f"file {path}", {what: path, "why": there.reason}, fix)
        elif not there:
            words = f"{target} does not have {path}, the {what} of {guest.name}."
            yield finding(Severity.BLOCKER, words, f"file {path}", {what: path, f"on {target}": "missing"}, fix)
