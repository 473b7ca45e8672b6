"""Post-copy: until its end neither host has the whole guest. Nobody may resume or destroy a half, kvmweb included."""

from __future__ import annotations

from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.case import Case, run_on
from migrations_app.domain.outcome.decision import Decision, Outcome
from migrations_app.domain.outcome.reasons import meaning
from migrations_app.domain.outcome.silence import silent
from migrations_app.domain.outcome.whereabouts import AtDestination
from migrations_app.domain.virsh import virsh

_NO_HALF = (AtDestination.ABSENT, AtDestination.OFF)


def in_post_copy(case: Case) -> Decision:
    """PAUSED for post-copy at the source: neither host has the whole guest."""
    job = case.job
    if case.there is AtDestination.SILENT:
        return silent(case)
    if case.there in (AtDestination.RUNNING, AtDestination.POST_COPY):
        return case.moving(
            State.POST_COPY,
            f"{job.name} runs on {job.target} and still fetches memory from {job.source}. Until the end, losing either"
            " host loses what it has in memory.",
        )
    if case.there in _NO_HALF:
        return _half_lost(case)
    if case.there is AtDestination.POST_COPY_BROKEN and case.lasts(patience.HANDOVER_S):
        return case.moving(
            State.POST_COPY,
            f"{job.target} no longer gets the memory of {job.name} from {job.source}, which has not noticed it. Pause"
            " post-copy, and resume it when the network between the hosts works again.",
        )
    if case.lasts(patience.STALE_INCOMING_S):
        return _unclear(case)
    return case.moving(State.POST_COPY, f"{job.name} is switching over to {job.target} in post-copy.")


def post_copy_broken(case: Case) -> Decision:
    """The source has ended the connection, or has noticed that it ended. The destination may not have yet."""
    job = case.job
    if case.there in _NO_HALF:
        return _half_lost(case)
    if job.resuming_seconds > patience.RECONNECT_S and case.there is AtDestination.POST_COPY_BROKEN:
        return _qemu_silent(case)
    silent_there = f" {job.target} is not reachable." if case.there is AtDestination.SILENT else ""
    return Decision(
        outcome=Outcome.IN_PROGRESS,
        state=State.POST_COPY_FAILED,
        sentence=f"{job.name} is divided between {job.source} and {job.target}, and no memory is transferred: it stops"
        f" where it needs memory that has not come.{silent_there}",
        cause=" ".join(filter(None, (case.both_say, meaning(job.call_error)))),
        what_to_do=(
            f"{job.target} has the VM, with the memory that has come. {job.source} has the rest of its memory, and is"
            " paused. Neither half may be resumed or destroyed, on either host. When the network between the hosts"
            " works again, resume post-copy here. If it never does, what the VM has in memory is lost; what it has"
            " written to its disks stays. By hand: repeat the virsh migrate command with --postcopy-resume on"
            f" {job.source}."
        ),
    )


def _qemu_silent(case: Case) -> Decision:
    """libvirt tells QEMU in a queue with other commands, which its main thread answers."""
    job = case.job
    return Decision(
        outcome=Outcome.IN_PROGRESS,
        state=State.POST_COPY_FAILED,
        sentence=f"{job.name} is divided between {job.source} and {job.target}, and its QEMU on {job.target} does not"
        f" answer libvirt, which is to connect it to {job.source} again.",
        cause=f"{case.both_say} QEMU itself probably waits for memory that has not come, for a disk or network card"
        " that it emulates. libvirt cannot tell it of the new connection then.",
        what_to_do=(
            f"As long as neither half is resumed or destroyed, nothing more is lost, and post-copy continues as soon as"
            f" QEMU answers. {run_on(job.target, job, 'domcontrol')} says “ok” when it has. If it never does, the"
            " halves cannot be brought together: what the VM has in memory is lost, what it has written to its disks"
            " stays. Only then end both halves, and start the VM from its disks."
            f" {run_on(job.target, job, 'destroy')}. {run_on(job.source, job, 'destroy')}, then"
            f" {virsh('start', job.guest)}"
        ),
    )


def _half_lost(case: Case) -> Decision:
    job = case.job
    return case.attention_after(
        patience.HANDOVER_S,
        f"{job.name} is in post-copy, and {job.target} does not report it; kvmweb looks again.",
        f"{job.name} runs nowhere: {job.target} does not have it any more, and with it a part of its memory is lost.",
        f"Do not resume it on {job.source}: it would run with old memory on changed disks. Find out why it ended on"
        f" {job.target}, and make sure that it does not run there. Then end the half on {job.source}, and start the VM"
        f" from its disks: {run_on(job.source, job, 'destroy')}, then {virsh('start', job.guest)}",
    )


def _unclear(case: Case) -> Decision:
    job = case.job
    return case.attention(
        f"{job.name} is stuck between {job.source} and {job.target}: neither has all its memory.",
        f"Do not resume it on {job.source}, and do not destroy it on either host."
        f" {run_on(job.target, job, 'domstate', '--reason')} says what {job.target} has.",
    )
