"""A VM that is shut off here may run somewhere else: then its definition must not be started a second time.

Every registered host is asked. One that is not reachable could run it, so it blocks.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import RunState
from migrations_app.domain.kinds import OFF_KINDS, SAME_HOST_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import affected, finding, known, remedy, stays
from migrations_app.domain.virsh import KEEP_STATE, virsh


@check(
    title="No other host has the VM",
    passed="No other registered host has the VM.",
    needs=("others",),
    unknown_blocks=True,
    kinds=OFF_KINDS | SAME_HOST_KINDS,
)
def runs_nowhere(facts: Facts) -> Iterator[Finding]:
    name, _ = affected(facts)
    if stays(facts) and facts.guest.active:  # its host alone has to do with its disks
        return
    uuid = facts.request.guest
    for host, look in known(facts.others, "others").items():
        if not look.answered:
            words = f"{host} is not reachable; kvmweb cannot tell whether {name} runs there."
            fixes = (
                remedy(f"Bring {host} back, and check again."),
                remedy(f"If {host} will not come back, make sure that it is powered off and remove it from kvmweb."),
            )
            yield finding(Severity.BLOCKER, words, f"host {host}", {"error": look.error or "no answer"}, *fixes)
        elif look.present and look.state is not RunState.SHUTOFF:
            words = f"{name} is {look.state} on {host}; it must not run twice."
            fix = remedy(f"Migrate it from {host}, or shut it down there.", run=virsh("shutdown", uuid), on=host)
            yield finding(Severity.BLOCKER, words, f"host {host}", {"state": str(look.state)}, fix)
        elif look.present:
            words = f"{host} has a shut-off definition of {name} too; somebody could start it there."
            command = virsh("undefine", uuid, flags=KEEP_STATE)
            fix = remedy("If nobody needs it, undefine it. Its disks are kept.", run=command, on=host)
            yield finding(Severity.WARNING, words, f"host {host}", {"state": str(look.state)}, fix)
