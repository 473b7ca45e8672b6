"""The source answers and does not have the guest active any more: it has arrived, or it is nowhere."""

from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import JobKind
from migrations_app.domain.outcome import lost_disks, patience
from migrations_app.domain.outcome.case import Case, run_on, undefine_on
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Outcome
from migrations_app.domain.outcome.leftovers import without_autostart
from migrations_app.domain.outcome.reasons import meaning
from migrations_app.domain.outcome.silence import silent
from migrations_app.domain.outcome.whereabouts import ARRIVED, STARTED_ANEW, AtDestination, AtSource


def left(case: Case) -> Decision:
    """The source answers and does not have the guest active any more."""
    job = case.job
    # a suspend and a resume take libvirt's reason "post-copy" away, but not the job
    fetches = job.postcopy_used and case.destination.job in (JobKind.MIGRATION_IN, JobKind.UNKNOWN)
    match case.there:
        case AtDestination.SILENT:
            return silent(case)
        case AtDestination.RUNNING if fetches:
            return _without_the_rest(case)
        case AtDestination.RUNNING | AtDestination.PAUSED:
            return _arrived(case)
        case AtDestination.ABSENT | AtDestination.OFF:
            return _nowhere(case)
        case AtDestination.POST_COPY | AtDestination.POST_COPY_BROKEN:
            return _not_noticed(case) if case.source.reason == ARRIVED else _without_the_rest(case)
        case _:
            return case.attention_after(
                patience.STALE_INCOMING_S,
                f"{job.name} is no longer on {job.source} and does not run on {job.target} yet.",
                f"{job.name} is no longer on {job.source} and does not run on {job.target}.",
                f"{run_on(job.target, job, 'domstate', '--reason')}. If an I/O error paused it, repair the"
                " storage and resume it there. If it waits for memory, its memory is lost.",
            )


def _not_noticed(case: Case) -> Decision:
    """The source ends like this only when it has sent all of it."""
    job = case.job
    return case.attention_after(
        patience.HANDOVER_S,
        f"{job.source} has sent all memory of {job.name}; kvmweb looks again.",
        f"{job.name} runs on {job.target} with all its memory, but libvirt there still waits for some.",
        f"Restart libvirtd on {job.target}: it looks again, and its VMs run on. kvmweb notices. Do not start"
        f" {job.name} on {job.source}.",
    )


def _without_the_rest(case: Case) -> Decision:
    job = case.job
    return case.attention_after(
        patience.HANDOVER_S,
        f"{job.name} runs on {job.target} and is no longer on {job.source}; kvmweb looks again.",
        f"{job.name} is on {job.target}, but is gone from {job.source} before all its memory was copied.",
        f"Check the VM on {job.target}, and do not start it on {job.source}. If it hangs, the rest of its memory is"
        " lost: stop it and start it again there.",
    )


def _arrived(case: Case) -> Decision:
    job = case.job
    where = case.arrived
    if case.destination.reason in STARTED_ANEW and job.call_returned is not True:
        return case.attention(
            f"{where}, but it did not migrate: it was started there.",
            f"Find out who started it on {job.target}, and make sure that it runs nowhere else. Then close this"
            " migration as an admin.",
        )
    if job.lost_disks:
        return lost_disks.judge(case)
    if job.persist and job.was_persistent and not case.destination.persistent:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{where}; waiting for {job.target} to save its definition.",
            f"{where}, but {job.target} has no definition of it: the VM is gone after its next shutdown.",
            f"Save the definition recorded with this migration to a file. On {job.target} run: virsh define FILE",
        )
    if job.undefine_source and case.at is AtSource.OFF:
        return _definition_left(case)
    return Decision(outcome=Outcome.DONE, sentence=_arrival_words(case, where), cause=meaning(job.call_error))


def _definition_left(case: Case) -> Decision:
    """libvirt removes it, unless it was interrupted, or took a resumed post-copy for a failed one."""
    job = case.job
    waits = case.wait(f"{case.arrived}; waiting for {job.source} to remove its definition.", case.both_say)
    if not case.lasts(patience.HANDOVER_S):
        return waits
    proven = ARRIVED in (case.source.reason, case.destination.reason) and case.destination.persistent
    if proven and not job.undefine_error:
        return replace(waits, actions=(Action.UNDEFINE_AT_SOURCE,))
    needs = case.attention(
        f"{case.arrived}, and its shut-off definition is still on {job.source}.",
        f"{undefine_on(job.source, job)} so that nobody starts it a second time.",
        job.undefine_error,
    )
    return without_autostart(needs, job)


def _arrival_words(case: Case, where: str) -> str:
    job = case.job
    words = [where + (", as it was before." if case.there is AtDestination.PAUSED and job.was_paused else ".")]
    if case.there is AtDestination.PAUSED and not job.was_paused:
        words.append(_why_paused(job))
    if case.there is AtDestination.RUNNING and job.keep_paused:
        words.append("It was to stay paused, and somebody has resumed it.")
    if case.there is AtDestination.RUNNING and job.suspended:
        words.append("It was suspended during the migration, and libvirt has resumed it.")
    if case.there is AtDestination.RUNNING and job.paused_by_policy:
        words.append("Its policy had paused it, so that it could arrive.")
    if job.cancel_requested:
        words.append("The cancel came too late.")
    elif job.gave_up:
        words.append("The policy gave up, but too late to stop the migration.")
    if job.call_returned is False:
        words.append("libvirt reported an error, but both hosts agree that the VM has migrated.")
    if case.at is AtSource.OFF:
        words.append(f"{job.source} keeps its shut-off definition.")
    return " ".join(words)


def _why_paused(job: JobRecord) -> str:
    if job.keep_paused:
        return "It stays paused, as requested."
    return "Somebody paused it." if job.pauses else "It was paused during the migration."


def _nowhere(case: Case) -> Decision:
    job = case.job
    if not case.lasts(patience.SETTLED_S):
        return case.wait(f"Neither {job.source} nor {job.target} runs {job.name}.", case.both_say)
    if job.elsewhere:
        return case.attention(
            f"Neither {job.source} nor {job.target} runs {job.name}; it was last seen active on"
            f" {' and '.join(job.elsewhere)}.",
            f"Look there. Do not start it on {job.source} or {job.target}: it would run twice. When it is clear"
            " where it is, close this migration as an admin.",
        )
    was_there = f" It was on {job.target} after its migration." if _ran_there(case) else ""
    return case.attention(f"Neither {job.source} nor {job.target} runs {job.name}.{was_there}", _start_again(case))


def _ran_there(case: Case) -> bool:
    """Or arrived there and stayed paused: its newest data is there, too."""
    return case.job.seen_there or (case.at is AtSource.OFF and case.source.reason == ARRIVED)


def _start_again(case: Case) -> str:
    """On the host with the newest data."""
    job, ran_there = case.job, _ran_there(case)
    first = "First look on every other host that could have it: two running copies can destroy its data."
    here, there = case.at is AtSource.OFF, case.there is AtDestination.OFF
    if here and there:
        why = f"{first} Find out why it ended. Both hosts have a definition."
        if job.created_volumes and not ran_there:
            return (
                f"{why} Its newest data may be on either: its logs in /var/log/libvirt/qemu say where it ran last."
                " Start it there."
            )
        host, other = (job.target, job.source) if ran_there else (job.source, job.target)
        return f"{why} {run_on(host, job, 'start')} and when it runs: {undefine_on(other, job)}"
    its_disks = job.target if ran_there and job.created_volumes else ""
    if there or (here and not its_disks):
        return f"{first} Find out why it ended. {run_on(job.target if there else job.source, job, 'start')}"
    return (
        f"{first} Its definition is recorded with this migration: save it to a file, run virsh define FILE on"
        f" {its_disks or 'the host that has its disks'}, and start it there."
    )
