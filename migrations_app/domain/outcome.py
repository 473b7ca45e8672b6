"""Where the guest is now: the decision table that alone ends a migration.

What both hosts say decides; the return of the libvirt call is a hint that only shortens the waiting. When a
person is needed the words say exactly what to run: nothing is resumed, destroyed or undefined automatically.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hosts.facts.guest import GuestLook, JobKind, RunState
from migrations_app.domain import lost_disks, patience
from migrations_app.domain.case import Case, virsh
from migrations_app.domain.lifecycle import State
from migrations_app.domain.post_copy import in_post_copy, post_copy_broken
from migrations_app.domain.reasons import meaning
from migrations_app.domain.silence import silent
from migrations_app.domain.verdict import Action, Decision, JobRecord, Verdict
from migrations_app.domain.whereabouts import STARTED_ANEW, USER, At, There

__all__ = ["Action", "Decision", "JobRecord", "Verdict", "call_may_still_begin", "decide"]


def decide(source: GuestLook, destination: GuestLook, job: JobRecord) -> Decision:
    case = Case(source, destination, job)
    if job.job_over and source.job is JobKind.MIGRATION_OUT:
        others = f"{case.here}, and a migration that kvmweb did not start is moving it. Waiting for its end."
        return case.wait(others, case.both_say)
    return replace(_ROWS[case.at](case), libvirt=job.call_error)


def _letting_go(job: JobRecord) -> str:
    return f"{job.name} has arrived on {job.target}; {job.source} is letting it go."


def _copying(case: Case) -> Decision:
    """RUNNING with an outgoing migration job."""
    job = case.job
    if case.there in (There.POST_COPY, There.POST_COPY_BROKEN):
        return in_post_copy(case)
    if case.there in (There.RUNNING, There.PAUSED):
        if case.source.runs and case.destination.runs and case.lasts(patience.HANDOVER_S):
            return _split_brain(case)
        return case.moving(State.ARRIVING, f"{job.name} is handed over from {job.source} to {job.target}.")
    silent = f" Waiting for {job.target} to answer." if case.there is There.SILENT else ""
    return case.moving(State.COPYING_MEMORY, f"{case.here} while libvirt copies it to {job.target}.{silent}")


def _switching(case: Case) -> Decision:
    """PAUSED by the migration, with its job. libvirt gives the same reason when somebody suspends it meanwhile."""
    job = case.job
    if case.there in (There.RUNNING, There.PAUSED):
        return _never_let_go(case, patience.SWITCHOVER_S)
    if case.there in (There.POST_COPY, There.POST_COPY_BROKEN):
        return in_post_copy(case)
    if job.suspended and case.source.job is JobKind.MIGRATION_OUT:
        paused = f"{job.name} was suspended on {job.source} by somebody while libvirt copies it to {job.target}."
        return case.moving(State.COPYING_MEMORY, paused)
    if case.lasts(patience.SWITCHOVER_S):
        return _stuck(case)
    if job.too_early:
        answers = ", and its QEMU does not answer" if case.source.job is JobKind.UNKNOWN else ""
        either = f"{job.name} is stopped on {job.source}{answers}: it is switching over, or somebody suspended it."
        return case.moving(State.COPYING_MEMORY, either)
    return case.moving(State.SWITCHING_OVER, f"{job.name} is stopped on {job.source}; its last pages travel.")


def _stuck(case: Case) -> Decision:
    """In its switch-over for much too long."""
    job = case.job
    if case.source.job is JobKind.UNKNOWN:
        return case.attention(
            f"{job.name} runs nowhere: it is stopped for its switch-over and {job.source}'s QEMU does not answer.",
            f"Look at the migration network between {job.source} and {job.target}. Resume it nowhere. When data can"
            " travel again, libvirt ends the switch-over by itself, and the migration is judged again.",
        )
    return case.attention(
        f"{job.name} has been stopped on {job.source} for its move for more than {patience.SWITCHOVER_S:.0f} s.",
        f"{virsh(job.source, job, 'domjobinfo')} and look whether data still moves. "
        f"{virsh(job.source, job, 'domjobabort')} to stop the move; the VM then goes on at {job.source}."
        " Do not resume it by hand.",
    )


def _stopped(case: Case) -> Decision:
    """PAUSED by the migration, and the job is gone."""
    job = case.job
    if case.there is There.SILENT:
        return silent(case)
    if case.there in (There.RUNNING, There.PAUSED, There.POST_COPY):
        return _never_let_go(case)
    if case.there in (There.ABSENT, There.OFF):
        return case.attention_after(
            patience.RESUME_S,
            f"{job.name} is stopped on {job.source}, and {job.target} does not run it."
            f" {job.source} is expected to let it go on by itself.",
            f"{job.name} runs nowhere: it is paused on {job.source}, and {job.target} does not run it.",
            "Do not resume it: a part of its memory was on the other host and is lost. Start it afresh."
            if job.postcopy_used
            else f"{virsh(job.target, job, 'domstate')}; if it does not run there: {virsh(job.source, job, 'resume')}."
            f"{_unless_it_ran(case)}",
        )
    waiting = f"{job.name} is stopped on both hosts; waiting for libvirt to finish on one of them."
    if job.postcopy_used:
        return case.attention_after(
            patience.STALE_INCOMING_S,
            waiting,
            f"{job.name} runs nowhere: its memory was divided between {job.source} and {job.target}.",
            f"Never resume it on {job.source}. {virsh(job.target, job, 'domstate', '--reason')}; unless it runs there"
            " again by itself, what it had in memory is lost: start it afresh.",
        )
    return case.attention_after(
        patience.STALE_INCOMING_S,
        waiting,
        f"{job.name} runs nowhere: it is stopped on {job.source} and waits on {job.target}.",
        f"First {virsh(job.target, job, 'domstate', '--reason')}. If it is still paused there and was never"
        f" started: {virsh(job.target, job, 'destroy')}, and after that {virsh(job.source, job, 'resume')}."
        f" If it runs on {job.target}, never resume it on {job.source}.",
    )


def _unless_it_ran(case: Case) -> str:
    """Memory of before beside disks of after destroys a file system; copied disks are the source's own."""
    if case.job.created_volumes:
        return ""
    return (
        f" If it may have run on {case.job.target} in between, do not resume it, since its disks have changed: start it"
        " afresh."
    )


def _never_let_go(case: Case, patience: float = patience.HANDOVER_S) -> Decision:
    """It arrived, and the source keeps a paused leftover: libvirt's last message was lost."""
    job = case.job
    undefine = f" Then: {virsh(job.source, job, 'undefine', '--keep-nvram')}" if job.undefine_source else ""
    if not case.lasts(patience):
        return case.moving(State.ARRIVING, _letting_go(job))
    return case.attention(
        f"{case.arrived}, and a paused leftover is still on {job.source}.",
        f"Never resume it on {job.source}. When you have seen that {job.target} has it:"
        f" {virsh(job.source, job, 'destroy')} (this ends only the paused leftover).{undefine}",
        "libvirt did not finish the move at the source.",
    )


def _paused(case: Case) -> Decision:
    """PAUSED for another reason, no job: as it was before, or somebody suspended it."""
    if case.there in (There.RUNNING, There.PAUSED, There.POST_COPY, There.POST_COPY_BROKEN):
        return _never_let_go(case)
    return _at_home(case)


def _running(case: Case) -> Decision:
    """RUNNING, no migration job."""
    if case.there in (There.RUNNING, There.POST_COPY, There.POST_COPY_BROKEN) and case.destination.runs:
        job = case.job
        if case.lasts(patience.HANDOVER_S):
            return _split_brain(case)
        return case.wait(f"Both {job.source} and {job.target} say that {job.name} runs.", case.both_say)
    return _at_home(case)


def _split_brain(case: Case) -> Decision:
    job = case.job
    return case.attention(
        f"{job.name} runs on {job.source} and on {job.target} at the same time. This can destroy its data.",
        f"At once: {virsh(job.target, job, 'suspend')} (this can be undone). Then find out which of the two"
        f" is used; {job.source} went on first and is normally the one to keep. To keep it:"
        f" {virsh(job.target, job, 'destroy')}. Check the file systems of the VM afterwards.",
    )


def _at_home(case: Case) -> Decision:
    """The source has the guest, no migration job there, and the destination does not run it."""
    job = case.job
    if case.there is There.SILENT:
        return silent(case)
    here = case.here
    if case.there not in (There.ABSENT, There.OFF):
        return case.attention_after(
            patience.STALE_INCOMING_S,
            f"{here}; waiting for {job.target} to drop what was prepared there.",
            f"{here}, and a half-made copy is left on {job.target}.",
            f"While {job.source} has it: {virsh(job.target, job, 'destroy')}. Never resume it there.",
        )
    if job.call_running:
        begun = "libvirt is ending the migration" if job.job_seen else "libvirt has not begun to move it"
        return case.wait(f"{here}; {begun} or has not reported yet.")
    if not case.lasts(call_may_still_begin(job)):
        return case.wait(f"{here}; looking again whether libvirt has begun to move it.")
    if case.there is There.OFF:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{here}; waiting for {job.target} to remove what was prepared there.",
            f"{here}, and a shut-off definition of it is left on {job.target}.",
            f"{virsh(job.target, job, 'undefine', '--keep-nvram')} so that nobody starts it a second time.",
        )
    return _stayed(case, here)


def call_may_still_begin(job: JobRecord) -> float:
    """Seconds for which a guest without a job proves nothing: an adopter does not hear what the call returns."""
    if job.call_returned is not None or not job.call_made:
        return 0.0
    return patience.SETTLED_S if job.job_seen else patience.JOB_WAIT_S


def _stayed(case: Case, here: str) -> Decision:
    job = case.job
    if case.source.state is RunState.PAUSED and not job.was_paused and case.source.reason != USER:
        return case.attention_after(
            patience.RESUME_S,
            f"{here}; {job.source} is expected to let it go on by itself.",
            f"{here}. It ran before the move.",
            f"{virsh(job.source, job, 'domstate', '--reason')} says why. Remove the cause before you let it go on.",
        )
    safe = job.created_volumes and case.there is There.ABSENT
    actions = (Action.DELETE_OWN_VOLUMES,) if safe else ()
    if job.cancel_requested or job.aborted:
        who = "" if job.cancel_requested else " Somebody cancelled the job outside of kvmweb."
        return Decision(
            verdict=Verdict.CANCELLED,
            sentence=f"{here}. The migration was cancelled.{who}{_woken(case)}",
            cause=meaning(job.call_error),
            actions=actions,
        )
    where = ", where it was started afresh meanwhile" if job.restarted else ", where it was before"
    return Decision(
        verdict=Verdict.FAILED,
        sentence=f"{here}{where}. It was not moved.{_woken(case)}",
        cause=_why_it_stayed(job),
        what_to_do="Remove the cause and migrate again. The log of libvirt on both hosts has more.",
        actions=actions,
    )


def _woken(case: Case) -> str:
    job = case.job
    if job.suspended and not job.restarted and case.source.runs:
        return " It was suspended during the copy, and libvirt has resumed it."
    return ""


def _why_it_stayed(job: JobRecord) -> str:
    if job.restarted:
        ended = f"It ended on {job.source} while it was moved, and was started there again."
        return f"{ended} {meaning(job.call_error)}".strip()
    if job.call_error:
        return meaning(job.call_error)
    if not job.call_made:
        return "The worker ended before it asked libvirt to move the VM."
    if job.call_returned is None and not job.job_seen:
        return "kvmweb has not seen libvirt begin to move it."
    return {
        True: f"libvirt reported that the migration was finished, but {job.target} does not have the VM.",
        False: "libvirt ended the migration without saying why.",
        None: "The migration ended while kvmweb did not watch it, so libvirt's reason is not known.",
    }[job.call_returned]


def _left(case: Case) -> Decision:
    """The source answers and does not have the guest active any more."""
    job = case.job
    match case.there:
        case There.SILENT:
            return silent(case)
        case There.RUNNING | There.PAUSED:
            return _arrived(case)
        case There.ABSENT | There.OFF:
            return _nowhere(case)
        case There.POST_COPY | There.POST_COPY_BROKEN:
            return case.attention_after(
                patience.HANDOVER_S,
                f"{job.name} runs on {job.target}; {job.source} has let it go, looking again.",
                f"{job.name} is on {job.target}, but {job.source} is gone before all its memory had arrived.",
                f"Look at it on {job.target}. If it hangs, its memory is lost: start it afresh there.",
            )
        case _:
            return case.attention_after(
                patience.STALE_INCOMING_S,
                f"{job.name} has left {job.source} and waits on {job.target}.",
                f"{job.name} has left {job.source} and is not running on {job.target}.",
                f"{virsh(job.target, job, 'domstate', '--reason')}. If an I/O error paused it, repair the"
                " storage and resume it there. If it waits for memory, what it had in memory is lost.",
            )


def _arrived(case: Case) -> Decision:
    job = case.job
    where = case.arrived
    if case.destination.reason in STARTED_ANEW and job.call_returned is not True:
        return case.attention(
            f"{where}, but it was started there afresh, it did not arrive with its memory.",
            f"Find out who started it on {job.target}, and that it runs nowhere else. If all is well, an admin closes"
            " this migration.",
        )
    if job.lost_disks:
        return lost_disks.judge(case)
    if job.persist and job.was_persistent and not case.destination.persistent:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{where}; waiting for {job.target} to keep its definition.",
            f"{where}, but {job.target} has no definition of it: it would be lost at its next shutdown.",
            f"Save the definition recorded with this migration to a file and define it: on {job.target} run:"
            " virsh define FILE",
        )
    if job.undefine_source and case.at is At.OFF:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{where}; waiting for {job.source} to remove its definition.",
            f"{where}, and its shut-off definition is still on {job.source}.",
            f"{virsh(job.source, job, 'undefine', '--keep-nvram')} so that nobody starts it a second time.",
        )
    return Decision(verdict=Verdict.DONE, sentence=_arrival_words(case, where), cause=meaning(job.call_error))


def _arrival_words(case: Case, where: str) -> str:
    job = case.job
    words = [where + (", as it was before." if case.there is There.PAUSED and job.was_paused else ".")]
    if case.there is There.PAUSED and not job.was_paused:
        words.append("It was paused while it moved.")
    if case.there is There.RUNNING and job.suspended:
        words.append("It was suspended while it moved, and libvirt has resumed it.")
    if job.cancel_requested:
        words.append("The cancel came too late.")
    if job.call_returned is False:
        words.append("libvirt reported an error, but both hosts agree that the VM has moved.")
    if case.at is At.OFF:
        words.append(f"{job.source} keeps its shut-off definition.")
    return " ".join(words)


def _nowhere(case: Case) -> Decision:
    job = case.job
    if not case.lasts(patience.SETTLED_S):
        return case.wait(f"Neither {job.source} nor {job.target} runs {job.name}.", case.both_say)
    if job.elsewhere:
        return case.attention(
            f"Neither {job.source} nor {job.target} runs {job.name}; it was last seen active on"
            f" {' and '.join(job.elsewhere)}.",
            f"Look there. Do not start it on {job.source} or {job.target}: it would run twice. When you have seen"
            " where it is, an admin closes this migration.",
        )
    first = "First look on every other host that could have it: started a second time, it destroys its data."
    if case.at is At.OFF or case.there is There.OFF:
        host = job.source if case.at is At.OFF else job.target
        both = case.at is At.OFF and case.there is There.OFF
        keep = f" Both hosts have a definition: undefine the one on {job.target}." if both else ""
        todo = f"{first} Find out why it ended, then {virsh(host, job, 'start')}{keep}"
    else:
        todo = (
            f"{first} Its definition is recorded with this migration: save it to a file, run virsh define FILE on the"
            " host that has its disks, and start it there."
        )
    return case.attention(f"Neither {job.source} nor {job.target} runs {job.name}.", todo)


def _unclear(case: Case) -> Decision:
    job = case.job
    if case.there is There.SILENT:
        return silent(case)
    if case.source.active and case.source.job is JobKind.UNKNOWN:
        return case.attention_after(
            patience.SILENCE_S,
            f"{case.here}, but its QEMU does not answer: how far the migration is is not known.",
            f"{case.here}, but its QEMU has not answered for {patience.SILENCE_S:.0f} s.",
            f"Look at {job.source}: its load, its storage, and whether the QEMU process of {job.name} is stopped."
            " Start or resume it nowhere else. When QEMU answers again, the migration is judged again by itself.",
        )
    return case.attention_after(
        patience.SILENCE_S,
        f"What {job.source} says about {job.name} is not clear yet; looking again.",
        f"What {job.source} says about {job.name} cannot be judged.",
        f"{virsh(job.source, job, 'domstate', '--reason')}, {virsh(job.source, job, 'domjobinfo')} and"
        f" {virsh(job.target, job, 'domstate', '--reason')}. Start or resume it nowhere before that is clear.",
    )


_ROWS: dict[At, Callable[[Case], Decision]] = {
    At.SILENT: silent,
    At.GONE: _left,
    At.OFF: _left,
    At.RUNNING: _running,
    At.PAUSED: _paused,
    At.COPYING: _copying,
    At.SWITCHING: _switching,
    At.STOPPED: _stopped,
    At.POST_COPY: in_post_copy,
    At.POST_COPY_BROKEN: post_copy_broken,
    At.UNCLEAR: _unclear,
}
