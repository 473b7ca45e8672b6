"""A migration of a guest that is shut off, whose disks kvmweb copies itself, because its host cannot start it: what
each pair of looks means.

Nothing migrates before all of them are copied, and the guest is off on the source meanwhile. Then its definition does,
and the table is that of an offline migration.
"""

from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import GuestLook
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import offline, patience
from migrations_app.domain.outcome.case import Case, undefine_on
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Outcome, StreamRecord
from migrations_app.domain.outcome.offline import Has, has


def decide(source: GuestLook, destination: GuestLook, job: JobRecord, stream: StreamRecord) -> Decision:
    case = Case(source, destination, job)
    if not (source.answered and destination.answered):
        return offline.silent(case)
    here, there = has(source), has(destination)
    if job.call_made:
        found = offline.ROWS[here, there](case)
        return _kept(found, case) if job.call_returned is None else offline.without_leftovers(found, case)
    if there is not Has.NOTHING:
        return offline.runs_twice(case) if source.runs and destination.runs else _defined_there(case)
    stops = job.cancel_requested or job.elsewhere or stream.trouble
    if here is Has.DEFINITION and not stops:
        return _goes_on(case, stream)
    found = offline.without_leftovers(offline.ROWS[here, there](case), case)
    if found.outcome is Outcome.FAILED:
        return replace(found, cause=stream.trouble or "The VM was started during the migration.")
    return found


def _goes_on(case: Case, stream: StreamRecord) -> Decision:
    job = case.job
    here = f"{job.name} is shut off on {job.source}"
    if not stream.copied:
        words = f"{here}, which could not start it. Its disks are copied to {job.target} through kvmweb."
        return replace(case.moving(State.COPYING_DISKS, words), actions=(Action.COPY_DISKS,))
    words = f"{here}. Its disks are on {job.target}, and its definition migrates."
    return replace(case.moving(State.SWITCHING_OVER, words), actions=(Action.SEND_DEFINITION,))


def _kept(found: Decision, case: Case) -> Decision:
    """Nobody heard how the call ended, and a VM that is off shows no job: libvirt may still define it there."""
    if found.outcome not in (Outcome.FAILED, Outcome.CANCELLED):
        return found
    left = (
        f"kvmweb did not hear how libvirt's call ended, so what it copied to {case.job.target} stays there; the journal"
        " names it. Delete it when the VM is still on the source only."
    )
    return replace(found, what_to_do=f"{found.what_to_do} {left}".strip())


def _defined_there(case: Case) -> Decision:
    job = case.job
    return case.attention_after(
        patience.HANDOVER_S,
        f"{job.target} has a definition of {job.name}, which did not migrate yet; kvmweb looks again.",
        f"Somebody has defined {job.name} on {job.target} while its disks were copied there.",
        f"The copies are not complete: do not start it there. {undefine_on(job.target, job)}",
    )
