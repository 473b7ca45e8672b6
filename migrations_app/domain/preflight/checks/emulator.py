"""libvirt starts exactly the emulator that the guest's definition names, for its architecture and type (kvm, qemu)."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy


@check(
    title="The destination has the VM's emulator",
    passed="The destination has the VM's emulator.",
    needs=("guest.definition", "target.capabilities"),
)
def emulator(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    every = known(facts.target.capabilities, "target.capabilities").guests
    there = [offer for offer in every if offer.arch == guest.arch]
    types = {kind for offer in there for kind in offer.domain_types}
    paths = {offer.emulator for offer in there}
    if not there:
        words = f"{target} has no emulator for {guest.arch}, which {guest.name} needs."
        evidence = {"needed": guest.arch, "there": _list({offer.arch for offer in every})}
        fix = remedy(f"Install QEMU for {guest.arch} on {target}.")
        yield finding(Severity.BLOCKER, words, "emulator", evidence, fix)
        return
    if guest.virt_type not in types:
        words = f"{target} cannot run VMs of type {guest.virt_type}, such as {guest.name}."
        fix = remedy(f"Enable virtualization in the firmware of {target}, and check that /dev/kvm exists.")
        fixes = (fix,) if guest.virt_type == "kvm" else ()
        evidence = {"needed": guest.virt_type, "there": _list(types)}
        yield finding(Severity.BLOCKER, words, "emulator", evidence, *fixes)
    # libvirt answers for the very emulator it is asked about, also for one that its capabilities do not list.
    caps, files = facts.target.domcaps, facts.target.files
    if not guest.emulator or guest.emulator in paths or not isinstance(caps, Unknown):
        return
    seen = None if isinstance(files, Unknown) else files.get(guest.emulator)
    fix = remedy(f"Install QEMU on {target} so that it is at this path; a symbolic link is enough.")
    evidence = {"needed": guest.emulator, "there": _list(paths), "libvirt": caps.reason}
    if seen is False:
        words = f"{target} does not have the emulator {guest.emulator}, which {guest.name} uses."
        yield finding(Severity.BLOCKER, words, "emulator", evidence, fix)
    elif seen is not True:
        words = f"kvmweb cannot tell whether {target} has the emulator {guest.emulator}, which {guest.name} uses."
        yield finding(Severity.UNKNOWN, words, "emulator", evidence, fix)


def _list(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "none"
