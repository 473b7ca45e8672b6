"""libvirt copies the disks of a VM that is shut off only when the source can start it, paused. When it cannot, kvmweb
copies them itself: that is said before, where it can be seen, and otherwise that it may happen."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.storage import Volume
from migrations_app.domain.kinds import PAUSED_KINDS
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.at_home import obstacles
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy, size
from migrations_app.domain.preflight.streams import why_not_stream

COST = "Their data passes through kvmweb: while kvmweb is stopped, the copy waits, and continues after that."


@check(
    title="The source can start the VM paused, so that libvirt copies its disks",
    passed="Nothing is seen that keeps the source from starting the VM paused.",
    needs=(*storage.NEEDS, "guest.look"),
    kinds=PAUSED_KINDS,
)
def source_start(facts: Facts) -> Iterator[Finding]:
    name, source, why = guest_of(facts).name, facts.source.name, why_not_stream(facts)
    sure, doubtful = obstacles(facts)
    seen = {f"{source}, {one.affects}": one.summary for one in (*sure, *doubtful)}
    affects, fix = f"VM {name}", remedy("Remove the cause, and libvirt copies the disks from host to host.")
    if sure and why:
        yield finding(Severity.BLOCKER, f"{source} cannot start {name}: {sure[0].summary} {why}", affects, seen, fix)
    elif sure:
        words = f"{source} cannot start {name}, so kvmweb copies its disks itself: {sure[0].summary} {COST}"
        yield finding(Severity.WARNING, words, affects, {**seen, **_amount(facts)}, fix)
    else:
        begins = f"{source} starts {name} paused, so that libvirt copies its disks from host to host."
        may = f" It may be unable to: {doubtful[0].summary}" if doubtful else ""
        then = why or f"kvmweb copies them itself. {COST}"
        words = f"{begins}{may} If {source} cannot start it, {then}"
        yield finding(Severity.INFO, words, affects, {**seen, **({} if why else _amount(facts))})


def _amount(facts: Facts) -> dict[str, str]:
    """What kvmweb would read and write: holes are left out."""
    disks = [disk for disk in guest_of(facts).disks if disk.target in storage.copied_disks(facts)]
    volumes = [storage.source_volume(facts, disk) for disk in disks]
    used = sum(volume.allocation for volume in volumes if isinstance(volume, Volume))
    return {"in use on the disks": size(used)}
