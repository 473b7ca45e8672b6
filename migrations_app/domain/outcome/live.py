"""A live migration: what each pair of looks at source and destination means.

What both hosts say decides; the return of the libvirt call is a hint that only shortens the waiting. When a
person is needed the words say exactly what to run: nothing is resumed or destroyed automatically.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from hosts.facts.guest import GuestLook, JobKind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.case import Case, run_on, undefine_on
from migrations_app.domain.outcome.decision import Decision, JobRecord
from migrations_app.domain.outcome.left import left
from migrations_app.domain.outcome.leftovers import without_autostart
from migrations_app.domain.outcome.post_copy import in_post_copy, post_copy_broken
from migrations_app.domain.outcome.silence import silent
from migrations_app.domain.outcome.stayed import at_home
from migrations_app.domain.outcome.whereabouts import ARRIVED, AtDestination, AtSource

Rows = Mapping[AtSource, Callable[[Case], Decision]]


def decide(source: GuestLook, destination: GuestLook, job: JobRecord) -> Decision:
    return judge(ROWS, Case(source, destination, job))


def judge(rows: Rows, case: Case) -> Decision:
    job = case.job
    if job.job_over and case.source.job is JobKind.MIGRATION_OUT:
        others = f"{case.here}, and a migration that kvmweb did not start is running. Waiting for it to end."
        return case.wait(others, case.both_say)
    return replace(rows[case.at](case), libvirt=job.call_error)


def _letting_go(job: JobRecord) -> str:
    return f"{job.name} has arrived on {job.target}; libvirt completes the hand-over."


def _copying(case: Case) -> Decision:
    """RUNNING with an outgoing migration job."""
    job = case.job
    if case.there in (AtDestination.POST_COPY, AtDestination.POST_COPY_BROKEN):
        return in_post_copy(case)
    if case.there in (AtDestination.RUNNING, AtDestination.PAUSED):
        if case.source.runs and case.destination.runs and case.lasts(patience.HANDOVER_S):
            return _split_brain(case)
        return case.moving(State.ARRIVING, f"libvirt hands {job.name} over from {job.source} to {job.target}.")
    silent = f" {job.target} is not reachable." if case.there is AtDestination.SILENT else ""
    return case.moving(State.COPYING_MEMORY, f"{case.here} while libvirt copies it to {job.target}.{silent}")


def _switching(case: Case) -> Decision:
    """PAUSED by the migration, with its job. libvirt gives the same reason when somebody suspends it meanwhile."""
    job = case.job
    if case.there in (AtDestination.RUNNING, AtDestination.PAUSED):
        return never_let_go(case, patience.SWITCHOVER_S)
    if case.there in (AtDestination.POST_COPY, AtDestination.POST_COPY_BROKEN):
        return in_post_copy(case)
    if (job.suspended or job.paused_by_policy) and case.source.job is JobKind.MIGRATION_OUT:
        who = "Its policy has" if job.paused_by_policy else "Somebody"
        verb = "paused" if job.paused_by_policy else "suspended"
        paused = f"{who} {verb} {job.name} on {job.source}. libvirt still copies it to {job.target}."
        return case.moving(State.COPYING_MEMORY, paused)
    if case.lasts(patience.SWITCHOVER_S):
        return _stuck(case)
    if job.too_early:
        answers = ", and its QEMU does not answer" if case.source.job is JobKind.UNKNOWN else ""
        either = f"{job.name} is paused on {job.source}{answers}: it is switching over, or somebody suspended it."
        return case.moving(State.COPYING_MEMORY, either)
    return case.moving(State.SWITCHING_OVER, f"{job.name} is paused on {job.source} while its last pages are copied.")


def _stuck(case: Case) -> Decision:
    """In its switchover for much too long."""
    job = case.job
    if case.source.job is JobKind.UNKNOWN:
        return case.attention(
            f"{job.name} runs nowhere: it is paused for the switchover, and QEMU on {job.source} does not answer.",
            f"Check the migration network between {job.source} and {job.target}. Do not resume the VM on either host."
            " When the network works again, libvirt completes the switchover, and kvmweb looks again.",
        )
    return case.attention(
        f"{job.name} is paused on {job.source} in a switchover that takes more than {patience.SWITCHOVER_S:.0f} s.",
        f"{run_on(job.source, job, 'domjobinfo')} and check whether data is still copied. "
        f"{run_on(job.source, job, 'domjobabort')} to cancel the migration; the VM then continues on {job.source}."
        " Do not resume it by hand.",
    )


def _stopped(case: Case) -> Decision:
    """PAUSED by the migration, and the job is gone."""
    job = case.job
    if case.there is AtDestination.SILENT:
        return silent(case)
    if case.there in (AtDestination.RUNNING, AtDestination.PAUSED, AtDestination.POST_COPY):
        return never_let_go(case)
    if case.there in (AtDestination.ABSENT, AtDestination.OFF):
        return case.attention_after(
            patience.RESUME_S,
            f"{job.name} is paused on {job.source}, and {job.target} does not run it."
            f" Waiting for libvirt on {job.source} to resume it.",
            f"{job.name} runs nowhere: it is paused on {job.source}, and {job.target} does not run it.",
            "Do not resume it: a part of its memory may have gone to the other host, and is lost then. Stop it and"
            " start it again."
            if job.postcopy_used
            else f"{run_on(job.target, job, 'domstate')};"
            f" if it does not run there: {run_on(job.source, job, 'resume')}."
            f"{_unless_it_ran(case)}",
        )
    waiting = f"{job.name} is paused on both hosts; waiting for libvirt to resume it on one of them."
    if job.postcopy_used:
        return case.attention_after(
            patience.STALE_INCOMING_S,
            waiting,
            f"{job.name} runs nowhere: its memory may be divided between {job.source} and {job.target}.",
            f"Never resume it on {job.source}. {run_on(job.target, job, 'domstate', '--reason')}; unless it runs there"
            " again by itself, its memory is lost: stop it and start it again.",
        )
    return case.attention_after(
        patience.STALE_INCOMING_S,
        waiting,
        f"{job.name} runs nowhere: it is paused on {job.source} and does not run on {job.target}.",
        f"First {run_on(job.target, job, 'domstate', '--reason')}. If it is still paused there and was never"
        f" started: {run_on(job.target, job, 'destroy')}, and after that {run_on(job.source, job, 'resume')}."
        f" If it runs on {job.target}, never resume it on {job.source}.",
    )


def _unless_it_ran(case: Case) -> str:
    """Memory of before beside disks of after destroys a file system; copied disks are the source's own."""
    if case.job.created_volumes:
        return ""
    return (
        f" If it may have run on {case.job.target} in between, do not resume it, since its disks have changed: stop"
        " it and start it again."
    )


def never_let_go(case: Case, patience: float = patience.HANDOVER_S) -> Decision:
    """It arrived, and the source keeps a paused leftover: libvirt's last message was lost."""
    job = case.job
    undefine = f" Then: {undefine_on(job.source, job)}" if job.undefine_source else ""
    if not case.lasts(patience):
        return case.moving(State.ARRIVING, _letting_go(job))
    needs = case.attention(
        f"{case.arrived}, and a paused leftover is still on {job.source}.",
        f"Never resume it on {job.source}. When you have seen it on {job.target}:"
        f" {run_on(job.source, job, 'destroy')} (this ends only the paused leftover).{undefine}",
        "libvirt did not complete the hand-over on the source.",
    )
    return without_autostart(needs, job)


def _paused(case: Case) -> Decision:
    """PAUSED for another reason, no job: as it was before, or somebody suspended it."""
    if case.there in (
        AtDestination.RUNNING,
        AtDestination.PAUSED,
        AtDestination.POST_COPY,
        AtDestination.POST_COPY_BROKEN,
    ):
        return never_let_go(case)
    return at_home(case)


def _running(case: Case) -> Decision:
    """RUNNING, no migration job."""
    if (
        case.there in (AtDestination.RUNNING, AtDestination.POST_COPY, AtDestination.POST_COPY_BROKEN)
        and case.destination.runs
    ):
        job = case.job
        if case.lasts(patience.HANDOVER_S):
            return _split_brain(case)
        return case.wait(f"Both {job.source} and {job.target} report that they run {job.name}.", case.both_say)
    return at_home(case)


def _split_brain(case: Case) -> Decision:
    job = case.job
    return case.attention(
        f"{job.name} runs on {job.source} and on {job.target} at the same time. This can destroy its data.",
        f"At once: {run_on(job.target, job, 'suspend')} (this can be undone). Then find out which of the two"
        f" is in use; normally keep the one on {job.source}. To keep it:"
        f" {run_on(job.target, job, 'destroy')}. Check the file systems of the VM afterwards.",
    )


def _broken(case: Case) -> Decision:
    """The connection may have ended when all the memory had come."""
    if case.there is AtDestination.RUNNING and case.destination.reason == ARRIVED:
        return never_let_go(case)
    return post_copy_broken(case)


def _unclear(case: Case) -> Decision:
    job = case.job
    if case.there is AtDestination.SILENT:
        return silent(case)
    if case.source.active and case.source.job is JobKind.UNKNOWN:
        return case.attention_after(
            patience.SILENCE_S,
            f"{case.here}, but its QEMU does not answer; kvmweb cannot tell how far the migration is.",
            f"{case.here}, but its QEMU has not answered for {patience.SILENCE_S:.0f} s.",
            f"Check {job.source}: its load, its storage, and whether the QEMU process of {job.name} is stopped."
            " Do not start or resume the VM anywhere else. When QEMU answers again, kvmweb looks again.",
        )
    return case.attention_after(
        patience.SILENCE_S,
        f"What {job.source} reports about {job.name} is not clear yet; kvmweb looks again.",
        f"kvmweb cannot tell from what {job.source} reports whether {job.name} runs there.",
        f"{run_on(job.source, job, 'domstate', '--reason')}, {run_on(job.source, job, 'domjobinfo')} and"
        f" {run_on(job.target, job, 'domstate', '--reason')}. Do not start or resume it anywhere before that is clear.",
    )


ROWS: Rows = {
    AtSource.SILENT: silent,
    AtSource.GONE: left,
    AtSource.OFF: left,
    AtSource.RUNNING: _running,
    AtSource.PAUSED: _paused,
    AtSource.COPYING: _copying,
    AtSource.SWITCHING: _switching,
    AtSource.STOPPED: _stopped,
    AtSource.POST_COPY: in_post_copy,
    AtSource.POST_COPY_BROKEN: _broken,
    AtSource.UNCLEAR: _unclear,
}
