"""Stop, migrate, start: what each pair of looks at source and destination means.

The VM is asked to shut down and is waited for, never forced. What is off is like a VM of an offline migration, whose
table this is but for the rows below; then it is started on the destination. It is started again on the source only when
the destination has answered that it does not have it, and nothing is started after a user was needed.
"""

from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import offline, patience
from migrations_app.domain.outcome.case import Case, run_on, undefine_on
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Outcome, StopRecord
from migrations_app.domain.outcome.offline import FIRST, Has, has, not_over, seen_elsewhere
from migrations_app.domain.outcome.reasons import meaning

#: libvirt's reasons why a VM is off that has ended by itself, or was switched off by somebody who wanted it off; it
#: forgets them when it is restarted
SHUT_DOWN = frozenset({"shutdown", "destroyed", "daemon", "unknown", ""})
_OFF_BECAUSE = {
    "saved": "Somebody saved its memory (managed save), which would be lost on the destination.",
    "crashed": "It did not shut down: it crashed.",
    "failed": "It did not shut down: its QEMU failed.",
    "migrated": "Somebody has migrated it to another host.",
}


def decide(source: GuestLook, destination: GuestLook, job: JobRecord) -> Decision:
    case = Case(source, destination, job)
    if not source.answered or (not destination.answered and not _may_still_run(case)):
        return replace(_silent(case), libvirt=job.call_error)
    row = (has(source), has(destination) if destination.answered else Has.NOTHING)
    return replace(offline.without_leftovers(ROWS[row](case), case), libvirt=job.call_error)


def stop_of(case: Case) -> StopRecord:
    return case.job.stop or StopRecord(asked=False, patience_s=0)


def _may_still_run(case: Case) -> bool:
    """It was not sent yet, so that its host alone says where it is: nobody waits for the destination."""
    return has(case.source) is Has.ACTIVE and not case.job.call_made


# --- the source alone has it --------------------------------------------------------------------------------------


def _runs_here(case: Case) -> Decision:
    """Active on the source; the destination does not have it."""
    job, stop = case.job, stop_of(case)
    if job.call_made and (waiting := not_over(case, case.here)):
        return waiting
    if job.call_made or stop.back_tried or stop.was_off or stop.other_run:
        return _stays(case, _since(case))
    if not stop.asked:
        return _stays(case, "", "The worker ended before it asked the VM to shut down.")
    ending = case.source.state is RunState.SHUTDOWN and not case.lasts(patience.HANDOVER_S)
    if stop.seconds >= stop.patience_s and not ending:
        return _did_not_shut_down(case)
    if not (stop.sure or stop.attended):
        return replace(_waits(case), actions=(Action.SHUT_DOWN,))
    return _waits(case)


def _waits(case: Case) -> Decision:
    job, stop = case.job, stop_of(case)
    words = f"{case.here}, where it was asked to shut down. kvmweb waits up to {stop.patience_s} s for that."
    if not case.destination.answered:
        words += f" {job.target} is not reachable."
    if job.cancel_requested:
        words += f" Because of the cancel it is started again on {job.source} if it shuts down by then."
    return case.moving(State.SHUTTING_DOWN, words)


def _did_not_shut_down(case: Case) -> Decision:
    """It runs on. What it was asked cannot be taken back."""
    job, stop = case.job, stop_of(case)
    may = "It was asked to shut down and may still do so: kvmweb does not start it then."
    if job.cancel_requested:
        return Decision(outcome=Outcome.CANCELLED, sentence=f"{case.here}. The migration was cancelled. {may}")
    return Decision(
        outcome=Outcome.FAILED,
        sentence=f"{case.here}. The migration failed. {may}",
        cause=f"{job.name} did not shut down within {stop.patience_s} s.",
        what_to_do="Look at its console: an update or a program may hold it up. Or shut it down yourself and choose"
        " Offline.",
    )


def _since(case: Case) -> str:
    """How a VM that was asked to shut down comes to run on the source."""
    stop = stop_of(case)
    if stop.back_tried:
        return " again"
    return ", where it was started again" if stop.was_off or stop.other_run else ""


def _stays(case: Case, since: str, cause: str = "") -> Decision:
    job = case.job
    if not case.source.runs:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{case.here}; kvmweb looks again.",
            f"{case.here}.",
            f"{run_on(job.source, job, 'domstate', '--reason')} says why.",
        )
    here = f"{case.here}{since}"
    if job.cancel_requested or job.aborted:
        return Decision(outcome=Outcome.CANCELLED, sentence=f"{here}. The migration was cancelled.")
    return Decision(
        outcome=Outcome.FAILED,
        sentence=f"{here}. The migration failed.",
        cause=cause or _why(case),
        what_to_do="Remove the cause and migrate again. libvirt's logs on both hosts have more details.",
    )


def _why(case: Case) -> str:
    job, stop = case.job, stop_of(case)
    if stop.held_back or job.call_error:
        return stop.held_back or meaning(job.call_error)
    if not job.call_made:
        return "It was started on the source before its definition migrated."
    if job.call_returned:
        return f"libvirt reported that the migration was finished, but {job.target} does not have the VM."
    return "The migration ended while kvmweb did not watch it, so kvmweb does not know libvirt's reason."


def _off_here(case: Case) -> Decision:
    """Shut off on the source; the destination has answered that it does not have it."""
    job, stop = case.job, stop_of(case)
    here = f"{job.name} is shut off on {job.source}"
    if job.call_made and (waiting := not_over(case, here)):
        return waiting
    if job.elsewhere:
        return seen_elsewhere(case)
    if case.source.reason not in SHUT_DOWN and not stop.back_tried and not job.call_made:
        return _not_shut_down(case, here)
    if stop.attended and not stop.back_tried:
        return _left_off(case, here, "kvmweb starts nothing by itself after its migration needed a user.")
    if not stop.back_tried and not (job.call_made or job.cancel_requested or stop.held_back):
        return replace(
            case.moving(State.SWITCHING_OVER, f"{here}. Its definition migrates to {job.target}."),
            actions=(Action.SEND_DEFINITION,),
        )
    if not stop.back_tried:
        words = f"{here}, and {job.target} does not have it. kvmweb starts it again on {job.source}."
        return replace(case.moving(State.VERIFYING, words), actions=(Action.START_AT_SOURCE,))
    if not (stop.back_error or stop.attended or case.lasts(patience.HANDOVER_S)):
        return case.wait(f"kvmweb has asked {job.source} to start {job.name} again, and looks whether it runs.")
    error = stop.back_error or f"kvmweb has begun to start it on {job.source}, and does not see it running."
    return _left_off(case, here, error)


def _not_shut_down(case: Case, here: str) -> Decision:
    """Off for another reason: it is not sent, and nobody asked for its start."""
    job, reason = case.job, case.source.reason
    cause = _OFF_BECAUSE.get(reason, f"libvirt says why it is off: {reason}.")
    return case.attention_after(
        patience.SETTLED_S,
        f"{here}; kvmweb looks again.",
        f"{here}, and did not migrate. {cause}",
        f"Look at it. {run_on(job.source, job, 'start')}",
    )


def _left_off(case: Case, here: str, cause: str) -> Decision:
    job, why = case.job, meaning(case.job.call_error)
    return Decision(
        outcome=Outcome.NEEDS_ATTENTION,
        sentence=f"{here}. It did not migrate.",
        cause=cause if why in cause else f"{cause} {why}",  # told before, when it is looked at again
        what_to_do=f"{FIRST} {run_on(job.source, job, 'start')}",
    )


# --- the destination has it ---------------------------------------------------------------------------------------


def _arrived(case: Case) -> Decision:
    """Shut off on the destination: started there, also after a cancel, because it ran before."""
    job = replace(case.job, cancel_requested=False)
    return offline.ROWS[has(case.source), has(case.destination)](Case(case.source, case.destination, job))


def _defined_there_meanwhile(case: Case) -> Decision:
    job = case.job
    return case.attention_after(
        patience.HANDOVER_S,
        f"{case.here}, and {job.target} has its definition; kvmweb looks again.",
        f"{case.here}, and a shut-off definition of it is on {job.target}.",
        f"{undefine_on(job.target, job)} so that nobody starts it a second time.",
    )


# --- nobody knows -------------------------------------------------------------------------------------------------


def _silent(case: Case) -> Decision:
    job = case.job
    missing = [name for name, look in ((job.source, case.source), (job.target, case.destination)) if not look.answered]
    who = " and ".join(missing)
    known = _known(case)
    if not case.lasts(patience.SILENCE_S):
        return case.wait(f"Waiting for {who} to be reachable again. {known}", case.both_say)
    return case.attention(
        f"{known} {who} {'are' if len(missing) > 1 else 'is'} not reachable.",
        f"Bring {who} back: kvmweb then looks again. Do not start the VM anywhere before that: it could run twice."
        f" If {who} cannot come back, make sure that it is powered off, {_without(case)}",
    )


def _known(case: Case) -> str:
    job = case.job
    if case.source.answered and has(case.source) is Has.DEFINITION:
        return f"{job.name} is shut off on {job.source}; kvmweb cannot tell what {job.target} has."
    if case.destination.answered and has(case.destination) is Has.ACTIVE:
        return f"{case.arrived}; kvmweb cannot tell whether {job.source} still has it."
    return f"kvmweb cannot tell where {job.name} runs."


def _without(case: Case) -> str:
    job = case.job
    if not (case.source.answered or case.destination.answered):
        return "and read here what the other host reports once it is back."
    look, host = (case.source, job.source) if case.source.answered else (case.destination, job.target)
    match has(look):
        case Has.NOTHING:
            return (
                f"then define and start it on {host}: save the definition recorded with this migration to a file, run"
                " virsh define FILE and virsh start there."
            )
        case Has.DEFINITION:
            return f"then start it on {host}: {run_on(host, job, 'start')}"
        case Has.ACTIVE:
            return f"then close this migration as an admin: {job.name} is active on {host}."


ROWS: offline.Rows = {
    **offline.ROWS,
    (Has.ACTIVE, Has.NOTHING): _runs_here,
    (Has.DEFINITION, Has.NOTHING): _off_here,
    (Has.NOTHING, Has.DEFINITION): _arrived,
    (Has.DEFINITION, Has.DEFINITION): _arrived,
    (Has.ACTIVE, Has.DEFINITION): _defined_there_meanwhile,
}
