"""Kernel, initrd, device tree and firmware are files of the host; QEMU opens them at the destination."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.definition.needs import nvram_folder
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


@check(
    title="Kernel and firmware files are at the destination",
    passed="The destination has every file that the VM boots from.",
    needs=("guest.definition",),
)
def boot_files(facts: Facts) -> Iterator[Finding]:
    boot, target = guest_of(facts).boot, facts.target.name
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
        there = known(facts.target.files, "target.files").get(path, Unknown("nobody looked"))
        fix = remedy(f"Put the same file at {path} on {target}.")
        if isinstance(there, Unknown):
            words = f"kvmweb cannot tell whether {target} has the {what} {path}."
            yield finding(Severity.UNKNOWN, words, f"file {path}", {what: path, "why": there.reason}, fix)
        elif not there:
            words = f"{target} does not have the {what} {path}."
            yield finding(Severity.BLOCKER, words, f"file {path}", {what: path, f"on {target}": "missing"}, fix)
