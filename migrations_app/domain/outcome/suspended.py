"""A migration for which libvirt pauses the VM: what each pair of looks means. It is live's table, but for one row.

A guest that is paused by its migration, with the job, is being copied, however long that takes. All of its memory is
copied in one pass, so nothing tells its last pages from the others.
"""

from __future__ import annotations

from hosts.facts.guest import GuestLook, JobKind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import live, patience
from migrations_app.domain.outcome.case import Case
from migrations_app.domain.outcome.decision import Decision, JobRecord
from migrations_app.domain.outcome.post_copy import in_post_copy
from migrations_app.domain.outcome.whereabouts import AtDestination, AtSource


def decide(source: GuestLook, destination: GuestLook, job: JobRecord) -> Decision:
    return live.judge(_ROWS, Case(source, destination, job))


def _paused_copy(case: Case) -> Decision:
    """PAUSED by the migration, with its job."""
    job = case.job
    if case.there in (AtDestination.RUNNING, AtDestination.PAUSED):
        return live.never_let_go(case, patience.SWITCHOVER_S)
    if case.there in (AtDestination.POST_COPY, AtDestination.POST_COPY_BROKEN):
        return in_post_copy(case)
    if case.source.job is JobKind.UNKNOWN and case.lasts(patience.SWITCHOVER_S):
        return _unanswered(case)
    silent = f" {job.target} is not reachable." if case.there is AtDestination.SILENT else ""
    if job.suspended:
        return case.moving(
            State.COPYING_MEMORY,
            f"Somebody suspended {job.name} on {job.source}. libvirt still copies it to {job.target}.{silent}",
        )
    return case.moving(
        State.COPYING_MEMORY,
        f"{job.name} is paused on {job.source} while its memory is copied to {job.target}.{silent}",
    )


def _unanswered(case: Case) -> Decision:
    job = case.job
    return case.attention(
        f"{job.name} runs nowhere: it is paused while it is copied, and QEMU on {job.source} does not answer.",
        f"Check {job.source}: its load, its storage, and the migration network to {job.target}. Do not resume the VM on"
        " either host. When QEMU answers again, kvmweb looks again.",
    )


_ROWS: live.Rows = {**live.ROWS, AtSource.SWITCHING: _paused_copy}
