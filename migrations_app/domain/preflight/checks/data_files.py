"""A qcow2 disk can keep its data in a file of its own, which must be on the destination too, and be the same one."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, known, remedy


@check(
    title="Separate data files of disks are on the destination",
    passed="No disk that is not copied has a separate data file.",
    needs=storage.NEEDS,
)
def data_files(facts: Facts) -> Iterator[Finding]:
    target = facts.target.name
    for disk in storage.disks_in_place(facts):
        for path in disk.data_files:
            there = known(facts.target.files, "target.files").get(path, Unknown(f"{target} was not asked."))
            evidence = {"data file": path}
            fix = remedy(f"Keep it on storage that {facts.source.name} and {target} share.")
            if there is False:
                words = f"{target} does not have {path}, where disk {disk.target} keeps its data."
                yield finding(Severity.BLOCKER, words, f"disk {disk.target}", evidence, fix)
            else:
                words = (
                    f"kvmweb cannot tell whether {target} has the same {path}, where disk {disk.target} keeps its data."
                )
                yield finding(Severity.UNKNOWN, words, f"disk {disk.target}", evidence, fix)
