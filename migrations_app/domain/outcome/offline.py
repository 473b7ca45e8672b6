"""An offline migration: what each pair of looks at source and destination means.

Only the definition migrates, so nothing may run. A VM that runs somewhere meanwhile is never started a second time:
the table asks for a start at the destination only when it alone has the definition, and only once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum, auto

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.case import Case, run_on, undefine_on
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Outcome
from migrations_app.domain.outcome.reasons import meaning
from migrations_app.domain.outcome.stayed import call_may_still_begin, why_it_stayed

FIRST = "First look on every other host that could run it: two running copies can destroy its data."
FROM_RECORD = (
    "Its definition is recorded with this migration: save it to a file, run virsh define FILE on the host that has its"
    " disks"
)


class Has(Enum):
    """What a host that answers has of the VM."""

    NOTHING = auto()
    DEFINITION = auto()  # shut off
    ACTIVE = auto()  # anything else: it may run


def has(look: GuestLook) -> Has:
    if not look.present:
        return Has.NOTHING
    return Has.DEFINITION if look.state is RunState.SHUTOFF else Has.ACTIVE


def decide(source: GuestLook, destination: GuestLook, job: JobRecord) -> Decision:
    case = Case(source, destination, job)
    if not (source.answered and destination.answered):
        return replace(silent(case), libvirt=job.call_error)
    return replace(ROWS[has(source), has(destination)](case), libvirt=job.call_error)


def without_leftovers(found: Decision, case: Case) -> Decision:
    """After a migration that did not happen, what it made on the destination is nobody's: when that has answered that
    it does not have the VM."""
    job, there = case.job, case.destination
    made = job.created_volumes or job.own_files_copied
    if found.outcome not in (Outcome.FAILED, Outcome.CANCELLED) or not made or there.present:
        return found
    if there.answered and not job.seen_there:
        return replace(found, actions=(Action.DELETE_OWN_VOLUMES,))
    why = f"The VM has run on {job.target}" if there.answered else f"{job.target} is not reachable"
    left = (
        f"{why}, so what kvmweb copied there stays; the journal names it. Delete it when {job.target} does not have the"
        " VM, and nobody needs what it wrote there."
    )
    return replace(found, what_to_do=f"{found.what_to_do} {left}".strip())


# --- nothing migrated ---------------------------------------------------------------------------------------------


def _stayed(case: Case) -> Decision:
    """Only the source has it, shut off."""
    job = case.job
    here = f"{job.name} is shut off on {job.source}"
    if waiting := not_over(case, here):
        return waiting
    if job.elsewhere:
        return seen_elsewhere(case)
    return _ended(case, here)


def _started_at_source(case: Case) -> Decision:
    """The source runs it, and the destination does not have it."""
    return not_over(case, case.here) or _ended(case, case.here)


def not_over(case: Case, here: str) -> Decision | None:
    """What is to be waited for while the call may still do something."""
    job = case.job
    if _may_still_work(job):
        return _calling(case, here, f"libvirt has not defined it on {job.target} yet.")
    if not case.lasts(call_may_still_begin(job)):
        return case.wait(f"{here}; kvmweb looks again whether libvirt has begun the migration.")
    return None


def _may_still_work(job: JobRecord) -> bool:
    """Whether libvirt is inside the call, or was when it was heard of last."""
    return job.call_running or (job.call_hung and job.call_returned is None)


def _calling(case: Case, here: str, meanwhile: str) -> Decision:
    """libvirt is inside the call. It may still define the VM there, however long this takes."""
    job = case.job
    if not case.lasts(patience.CALL_S):
        return case.wait(f"{here}; {meanwhile}")
    then = "kvmweb hears when the call ends, and continues; it starts nothing by itself then."
    if not job.call_running:
        then = (
            "The worker that made the call is gone, so kvmweb does not hear its end: when nothing hangs there any more,"
            " and only one host has the VM, close this migration as an admin."
        )
    found = case.attention(
        f"{here}. libvirt on {job.target} has not completed its migration for more than {patience.CALL_S:.0f} s.",
        f"Look at libvirt's log on {job.target}, and whether a hook in /etc/libvirt/hooks waits there. Do not start or"
        f" define the VM anywhere meanwhile: libvirt may still define it on {job.target}. {then}",
    )
    return replace(found, hangs=True)


def _ended(case: Case, here: str) -> Decision:
    job = case.job
    if job.cancel_requested or job.aborted:
        return Decision(outcome=Outcome.CANCELLED, sentence=f"{here}. The migration was cancelled.")
    started = "The VM was started during the migration." if case.source.active else ""
    return Decision(
        outcome=Outcome.FAILED,
        sentence=f"{here}. The migration failed.",
        cause=" ".join(filter(None, (started, why_it_stayed(job)))),
        what_to_do="Remove the cause and migrate again. libvirt's logs on both hosts have more details.",
    )


# --- both have it -------------------------------------------------------------------------------------------------


def _both(case: Case) -> Decision:
    job = case.job
    both = f"{job.name} is shut off, and {job.source} and {job.target} both have its definition"
    if not job.call_made:
        return _not_sent(case)
    if not job.undefine_source:
        return _arrived(case)
    if _may_still_work(job):
        return _calling(case, both, "libvirt completes the migration.")
    return case.attention_after(
        patience.HANDOVER_S,
        f"{both}; waiting for {job.source} to remove its own.",
        f"{both}.",
        f"{undefine_on(job.source, job)} so that nobody starts it a second time.",
    )


def _started_with_a_copy(case: Case) -> Decision:
    """The source runs it, and the destination has its definition."""
    job = case.job
    return case.attention_after(
        patience.HANDOVER_S,
        f"{case.here}, where it was started during the migration, and {job.target} has its definition.",
        f"{case.here}, where it was started during the migration, and a shut-off definition of it is on {job.target}.",
        f"{undefine_on(job.target, job)} so that nobody starts it a second time.",
    )


def runs_twice(case: Case) -> Decision:
    job = case.job
    return case.attention(
        f"{job.name} is active on {job.source} and on {job.target} at the same time. This can destroy its data.",
        f"At once: {run_on(job.target, job, 'suspend')} (this can be undone). Then find out which of the two is in use,"
        " and destroy the other one. Check the file systems of the VM afterwards.",
    )


# --- the destination has it ---------------------------------------------------------------------------------------


def _arrived(case: Case) -> Decision:
    """Shut off at the destination; the source has what it should have."""
    job = case.job
    if job.elsewhere:
        return seen_elsewhere(case)
    if not job.start_wanted or (job.cancel_requested and not job.start_tried):
        return Decision(outcome=Outcome.DONE, sentence=_words(case), cause=meaning(job.call_error))
    if not job.call_made:
        return _not_sent(case)
    if job.call_running:
        return _calling(case, f"{job.target} has the definition of {job.name}", "libvirt completes the migration.")
    if not job.start_tried:
        return Decision(
            outcome=Outcome.IN_PROGRESS,
            state=State.ARRIVING,
            sentence=f"{job.target} has the definition of {job.name}; kvmweb starts the VM there.",
            actions=(Action.START_AT_DESTINATION,),
        )
    if not job.start_error and not case.lasts(patience.HANDOVER_S):
        return case.wait(f"kvmweb has asked {job.target} to start {job.name}, and looks again whether it runs.")
    return Decision(
        outcome=Outcome.NEEDS_ATTENTION,
        sentence=f"{job.name} is shut off on {job.target}, where it was to be started.",
        cause=job.start_error or f"kvmweb has begun to start it on {job.target}, and does not see it running.",
        what_to_do=f"{FIRST} {run_on(job.target, job, 'start')}",
    )


def _not_sent(case: Case) -> Decision:
    """The destination has a definition, shut off, and libvirt was not asked to send one."""
    job = case.job
    if job.elsewhere:
        return seen_elsewhere(case)
    there = f"{job.name} is defined on {job.target}, but kvmweb did not send it"
    if case.source.present:
        to_do = (
            f"{FIRST} The one on {job.source} is the one that was to migrate."
            f" {undefine_on(job.target, job)} so that nobody starts it a second time. Then start"
            f" the VM on {job.source}, or migrate it again."
        )
    else:
        to_do = (
            f"{FIRST} Its UEFI variables and the state of its TPM may be missing on {job.target}: check that they and"
            f" its disks are there. Then start it yourself. {run_on(job.target, job, 'start')}"
        )
    return case.attention_after(patience.HANDOVER_S, f"{there}; kvmweb looks again.", f"{there}.", to_do)


def _runs_there(case: Case) -> Decision:
    """Active at the destination; the source has nothing, or its definition."""
    job = case.job
    if not case.destination.runs:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{case.arrived}; kvmweb looks again.",
            f"{case.arrived}.",
            f"{run_on(job.target, job, 'domstate', '--reason')} says why.",
        )
    if job.undefine_source and case.source.present:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{case.arrived}; waiting for {job.source} to remove its definition.",
            f"{case.arrived}, and its shut-off definition is still on {job.source}.",
            f"{undefine_on(job.source, job)} so that nobody starts it a second time.",
        )
    return Decision(outcome=Outcome.DONE, sentence=_words(case), cause=meaning(job.call_error))


def _words(case: Case) -> str:
    job = case.job
    if case.destination.active:
        not_by_us = "" if job.start_wanted and job.start_tried else " kvmweb did not start it there."
        words = [f"{case.arrived}.{not_by_us}"]
    else:
        words = [f"{job.name} is shut off on {job.target}."]
    if job.cancel_requested:
        words.append("The cancel came too late.")
        if job.start_wanted and not job.start_tried and not case.destination.active:
            words.append("Because of it, kvmweb did not start the VM.")
    if job.call_returned is False:
        words.append("libvirt reported an error, but both hosts agree that the VM has migrated.")
    if case.source.present:
        words.append(f"{job.source} keeps its shut-off definition.")
    return " ".join(words)


# --- nobody has it, or nobody knows -------------------------------------------------------------------------------


def _lost(case: Case) -> Decision:
    job = case.job
    nowhere = f"Neither {job.source} nor {job.target} has {job.name}"
    if job.call_running:
        return _calling(case, nowhere, "libvirt completes the migration.")
    if job.elsewhere:
        return seen_elsewhere(case)
    return case.attention_after(
        patience.HANDOVER_S, f"{nowhere}; kvmweb looks again.", f"{nowhere}.", f"{FIRST} {FROM_RECORD}."
    )


def seen_elsewhere(case: Case) -> Decision:
    job = case.job
    return case.attention_after(
        patience.SETTLED_S,
        f"Another host has reported {job.name} as active; kvmweb looks again.",
        f"{job.name} was last seen active on {' and '.join(job.elsewhere)}.",
        f"Look there. Do not start it on {job.source} or {job.target}: it would run twice. When it is clear where it"
        " is, close this migration as an admin.",
    )


def silent(case: Case) -> Decision:
    job = case.job
    missing = [] if case.source.answered else [job.source]
    missing += [] if case.destination.answered else [job.target]
    who = " and ".join(missing)
    known = f"kvmweb cannot tell which host has {job.name}."
    if not case.lasts(patience.SILENCE_S):
        return case.wait(f"Waiting for {who} to be reachable again. {known}", case.both_say)
    return case.attention(
        f"{known} {who} {'are' if len(missing) > 1 else 'is'} not reachable.",
        f"Bring {who} back: kvmweb then looks again. Do not start the VM anywhere before that: it could run twice."
        f" If {who} cannot come back, make sure that it is powered off, {_without(case)}",
    )


def _without(case: Case) -> str:
    """The next step once the silent host is certainly off, by what the other one says."""
    job = case.job
    if not (case.source.answered or case.destination.answered):
        return "and read here what the other host reports once it is back."
    look, host = (case.source, job.source) if case.source.answered else (case.destination, job.target)
    match has(look):
        case Has.NOTHING:
            return (
                f"then define it on {host}: save the definition recorded with this migration to a file, run virsh"
                " define FILE."
            )
        case Has.DEFINITION:
            return f"then close this migration as an admin: {job.name} is shut off on {host}."
        case Has.ACTIVE:
            return f"then close this migration as an admin: {job.name} is active on {host}."


Rows = Mapping[tuple[Has, Has], Callable[[Case], Decision]]
ROWS: Rows = {
    (Has.NOTHING, Has.NOTHING): _lost,
    (Has.NOTHING, Has.DEFINITION): _arrived,
    (Has.NOTHING, Has.ACTIVE): _runs_there,
    (Has.DEFINITION, Has.NOTHING): _stayed,
    (Has.DEFINITION, Has.DEFINITION): _both,
    (Has.DEFINITION, Has.ACTIVE): _runs_there,
    (Has.ACTIVE, Has.NOTHING): _started_at_source,
    (Has.ACTIVE, Has.DEFINITION): _started_with_a_copy,
    (Has.ACTIVE, Has.ACTIVE): runs_twice,
}
