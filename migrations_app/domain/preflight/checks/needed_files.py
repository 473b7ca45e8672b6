"""Files, folders and devices of the host that the definition names by path must be on the destination."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.definition.needs import Form, needs
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy

REMEDIES = {
    Form.FILE: "Put the same file there, at the same path.",
    Form.FOLDER: "Create the folder there, with the same owner and permissions.",
    Form.MODULE: "Load the kernel module there that provides it (vhost_vsock).",
    Form.DEVICE: "Choose a destination that has the device, or remove it from the VM.",
}


@check(
    title="The destination has the files, folders and devices that the VM names",
    passed="The destination has every file, folder and device that the VM names.",
    needs=("guest.definition",),
)
def needed_files(facts: Facts) -> Iterator[Finding]:
    guest, target = guest_of(facts), facts.target.name
    for need in needs(guest):
        there = known(facts.target.files, "target.files").get(need.path, Unknown(f"{target} was not asked."))
        if not need.absolute:
            there = Unknown("The path is relative; kvmweb cannot tell which file it stands for.")
        affects, evidence = f"{need.form} {need.path}", {need.what: need.path}
        fix = remedy(REMEDIES[need.form])
        if isinstance(there, Unknown):
            words = f"kvmweb cannot tell whether {target} has {need.path} ({need.what} of {guest.name})."
            yield finding(Severity.UNKNOWN, words, affects, {**evidence, "why": there.reason}, fix)
        elif not there:
            words = f"{target} does not have {need.path} ({need.what} of {guest.name})."
            yield finding(Severity.BLOCKER, words, affects, {**evidence, f"on {target}": "missing"}, fix)
        elif need.form is Form.DEVICE:
            words = f"{target} has {need.path} too, but it may be another device ({need.what} of {guest.name})."
            yield finding(Severity.UNKNOWN, words, affects, evidence, remedy("Make sure that it is equivalent."))
