"""A migration of a guest that is shut off, with its disks: what each pair of looks means.

It is started paused at the source, so that libvirt can copy its disks and migrate it, and arrives paused. As long as
the run that this migration started is on a host, this table says what becomes of it: it is ended where it is over,
unless it ever ran. When it is on neither host, both have what an offline migration leaves, and its table says
what that means.
"""

from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import GuestLook, JobKind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import offline, patience, streamed
from migrations_app.domain.outcome.case import Case, run_on
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Outcome
from migrations_app.domain.outcome.reasons import meaning
from migrations_app.domain.outcome.stayed import call_may_still_begin
from migrations_app.domain.outcome.whereabouts import AtDestination, AtSource


def decide(source: GuestLook, destination: GuestLook, job: JobRecord) -> Decision:
    if job.stream is not None:
        found = streamed.decide(source, destination, job, job.stream)
    else:
        found = _judge(Case(source, destination, job))
    return replace(found, libvirt=job.call_error)


def _judge(case: Case) -> Decision:
    job, source, destination = case.job, case.source, case.destination
    if case.at in (AtSource.COPYING, AtSource.SWITCHING) and source.job is not JobKind.UNKNOWN and not job.job_over:
        return _copying(case)
    if not (source.answered and destination.answered):
        return offline.silent(case)
    if source.active and destination.active:
        return _on_both(case)
    if source.active:
        return _at_source(case)
    if destination.active:
        return _at_destination(case)
    if job.paused.begun and not job.paused.sure and not case.lasts(patience.JOB_WAIT_S):
        return case.wait(f"{job.name} is shut off on {job.source}; libvirt may still start it paused.")
    return _settled(case)


def _settled(case: Case) -> Decision:
    """What this migration started is on neither host. After one that did not happen, its volumes are nobody's."""
    return offline.without_leftovers(offline.decide(case.source, case.destination, case.job), case)


def _copying(case: Case) -> Decision:
    """With an outgoing migration job."""
    job = case.job
    silent = f" {job.target} is not reachable." if case.there is AtDestination.SILENT else ""
    if job.paused.ran:
        return case.wait(f"{case.here}: somebody has resumed it. kvmweb stops the migration.{silent}")
    if case.there in (AtDestination.RUNNING, AtDestination.PAUSED):
        return case.moving(State.ARRIVING, f"libvirt hands {job.name} over from {job.source} to {job.target}.")
    if case.at is AtSource.SWITCHING and case.lasts(patience.SWITCHOVER_S):
        return case.attention(
            f"libvirt has been handing {job.name} over for more than {patience.SWITCHOVER_S:.0f} s.",
            f"{run_on(job.source, job, 'domjobinfo')} and check whether data is still copied."
            f" {run_on(job.source, job, 'domjobabort')} to cancel the migration. Do not resume the VM on either host.",
        )
    return case.moving(
        State.COPYING_MEMORY,
        f"{job.name} is started paused on {job.source} while it is copied to {job.target}.{silent}",
    )


def _on_both(case: Case) -> Decision:
    job = case.job
    if case.source.runs and case.destination.runs:
        return offline.runs_twice(case)
    return case.attention_after(
        patience.STALE_INCOMING_S if case.there is AtDestination.INCOMING else patience.HANDOVER_S,
        f"{case.here} and on {job.target}; waiting for libvirt to end it on one of them.",
        f"{case.here}, and also active on {job.target}.",
        f"Resume it on neither host. {run_on(job.target, job, 'domstate', '--reason')}. If it is still paused there and"
        f" never ran, end it there: {run_on(job.target, job, 'destroy', '--graceful')}. kvmweb then looks again.",
    )


def _at_source(case: Case) -> Decision:
    """Active at the source, without a migration job of ours, and not at the destination."""
    job = case.job
    if case.source.job is not JobKind.NONE:
        return case.attention_after(
            patience.SILENCE_S,
            f"{case.here}, and busy; kvmweb looks again.",
            f"{case.here}, and has been busy for {patience.SILENCE_S:.0f} s.",
            f"{run_on(job.source, job, 'domjobinfo')}. Do not resume it. kvmweb looks again.",
        )
    if job.paused.here is False:
        return _settled(case)
    if job.call_running:
        return case.wait(f"{_paused_on(job, job.source)}; libvirt has not begun to copy it, or ends the migration.")
    if not case.lasts(call_may_still_begin(job)):
        return case.wait(f"{_paused_on(job, job.source)}; kvmweb looks again whether libvirt has begun the migration.")
    if job.paused.ran:
        return _ran(case, case.here, job.source)
    return _end(case, Action.END_PAUSED_AT_SOURCE, State.VERIFYING, job.source, known=job.paused.here is True)


def _at_destination(case: Case) -> Decision:
    """Active at the destination, and not at the source."""
    job = case.job
    if case.there is AtDestination.INCOMING:
        return case.attention_after(
            patience.STALE_INCOMING_S,
            f"{job.name} is no longer on {job.source} and has not arrived on {job.target} yet.",
            f"{job.name} is no longer on {job.source} and has not arrived on {job.target}.",
            f"{run_on(job.target, job, 'domstate', '--reason')}. Do not resume it.",
        )
    if job.paused.there is False:
        return _settled(case)
    if job.paused.ran:
        return _ran(case, case.arrived, job.target)
    if job.call_running:
        return case.moving(State.ARRIVING, f"{job.name} has arrived on {job.target}; libvirt completes the hand-over.")
    return _end(case, Action.END_PAUSED_AT_DESTINATION, State.ARRIVING, job.target, known=job.paused.there is True)


def _end(case: Case, action: Action, state: State, host: str, *, known: bool) -> Decision:
    """Again and again for a while, once the call cannot begin any more: QEMU may be busy."""
    job = case.job
    if not case.lasts(call_may_still_begin(job) + patience.JOB_WAIT_S):
        if not known:
            return case.wait(f"{_paused_on(job, host)}; kvmweb looks whether this is the run that it started.")
        doing = f"{job.name} is still paused on {host} and never ran; kvmweb ends it there."
        return Decision(outcome=Outcome.IN_PROGRESS, state=state, sentence=doing, actions=(action,))
    return case.attention(
        f"{_paused_on(job, host)}, and kvmweb could not end it there.",
        "Do not resume it, unless you want it to run there."
        f" {run_on(host, job, 'destroy', '--graceful')} ends it. kvmweb then looks again.",
        f"{host} says: {job.paused.trouble.rstrip('.')}." if job.paused.trouble else "",
    )


def _ran(case: Case, where: str, host: str) -> Decision:
    job = case.job
    return case.attention(
        f"{where}. This migration had started it paused, and somebody has resumed it, so kvmweb does not stop it.",
        f"If it is not to run: {run_on(host, job, 'shutdown')}. kvmweb then looks again. If it is to run on {host},"
        " close this migration as an admin.",
        meaning(job.call_error),
    )


def _paused_on(job: JobRecord, host: str) -> str:
    return f"{job.name} is paused on {host}"
