"""The places that were chosen for copies: each for a disk that is copied, in a pool with files, none for two disks."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.storage import FOLDER_POOL_TYPES
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy


@check(
    title="The chosen places of the copies can be used",
    passed="The chosen places of the copies can be used.",
    needs=storage.NEEDS,
    unknown_blocks=True,
    kinds=ALL,
)
def chosen_places(facts: Facts) -> Iterator[Finding]:
    chosen, copied, guest = facts.request.options.disks, storage.copied_disks(facts), guest_of(facts)
    if not chosen:
        return
    for target, placement in chosen.items():
        disk, evidence = guest.disk(target), placement.as_json()
        pool = storage.copy_pool(facts, disk) if disk else None
        if disk is None or target not in copied:
            why = "is not copied" if disk else f"is no disk of {guest.name}"
            words = f"A place was chosen for the copy of disk {target}, which {why}."
            fix = remedy(f"Choose no place for {target}, or choose it as a disk to copy.")
            yield finding(Severity.BLOCKER, words, f"disk {target}", evidence, fix)
        elif pool and pool.type not in FOLDER_POOL_TYPES:
            words = f"Pool {pool.name} on {facts.target.name} has the type {pool.type}; kvmweb copies only into files."
            yield finding(Severity.BLOCKER, words, f"disk {target}", evidence, remedy("Choose a pool of files."))
    yield from _together(facts, copied)


def _together(facts: Facts, copied: tuple[str, ...]) -> Iterator[Finding]:
    disks: dict[str, list[str]] = {}
    for disk in guest_of(facts).disks:
        if disk.target in copied and (path := storage.target_path(facts, disk)):
            disks.setdefault(path, []).append(disk.target)
    for path, targets in disks.items():
        if len(targets) > 1:
            which = " and ".join(targets)
            words = f"The copies of disks {which} would have one place: {path}."
            fix = remedy("Choose another name or pool for one of them.")
            yield finding(Severity.BLOCKER, words, f"disks {which}", {"path": path}, fix)
