"""The source has the guest, and no migration of it runs there: it did not migrate, or not yet."""

from __future__ import annotations

from hosts.facts.guest import RunState
from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.case import Case, run_on, undefine_on
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord, Outcome
from migrations_app.domain.outcome.leftovers import may_have_run_there, newest_may_be_there
from migrations_app.domain.outcome.reasons import meaning
from migrations_app.domain.outcome.silence import silent
from migrations_app.domain.outcome.whereabouts import USER, AtDestination


def at_home(case: Case) -> Decision:
    """The source has the guest, no migration job there, and the destination does not run it."""
    job = case.job
    if case.there is AtDestination.SILENT:
        return silent(case)
    here = case.here
    if case.there not in (AtDestination.ABSENT, AtDestination.OFF):
        return _there_too(case)
    if job.call_running:
        begun = "libvirt is ending the migration" if job.job_seen else "libvirt has not begun the migration"
        return case.wait(f"{here}; {begun}, or has not reported it yet.")
    if not case.lasts(call_may_still_begin(job)):
        return case.wait(f"{here}; kvmweb looks again whether libvirt has begun the migration.")
    if job.created_volumes and may_have_run_there(job):
        return newest_may_be_there(case)
    if case.there is AtDestination.OFF:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{here}; waiting for libvirt on {job.target} to remove what it prepared there.",
            f"{here}, and a shut-off definition of it is left on {job.target}.",
            f"{undefine_on(job.target, job)} so that nobody starts it a second time.",
        )
    return _stayed(case, here)


def _there_too(case: Case) -> Decision:
    """What libvirt has prepared there; or a VM that ran on both hosts, of which a user has suspended one."""
    job, here = case.job, case.here
    waiting = f"{here}; waiting for libvirt on {job.target} to remove what it prepared there."
    end = run_on(job.target, job, "destroy")
    if case.there in (AtDestination.RUNNING, AtDestination.PAUSED):
        return case.attention_after(
            patience.STALE_INCOMING_S,
            waiting,
            f"{here}, and {job.target} has it too, where it does not run now, but may have run.",
            "Never let both run. Find out which of the two is in use before you end one: what the other has written is"
            f" lost. To keep the one on {job.source}: {end}",
        )
    return case.attention_after(
        patience.STALE_INCOMING_S,
        waiting,
        f"{here}, and an incomplete copy is left on {job.target}.",
        f"Only while {job.source} has the VM: {end}. Never resume the copy.",
    )


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
            f"{here}; waiting for libvirt on {job.source} to resume it.",
            f"{here}. It ran before the migration.",
            f"{run_on(job.source, job, 'domstate', '--reason')} says why. Remove the cause before you resume it.",
        )
    safe = job.created_volumes and case.there is AtDestination.ABSENT
    actions = (Action.DELETE_OWN_VOLUMES,) if safe else ()
    if job.cancel_requested or (job.aborted and not job.gave_up):
        who = "" if job.cancel_requested else " Somebody cancelled it outside of kvmweb."
        return Decision(
            outcome=Outcome.CANCELLED,
            sentence=f"{here}. The migration was cancelled.{who}{_woken(case)}",
            # what breaks when libvirt stops on request ("Broken pipe") is not why it ended
            cause="" if job.cancel_requested else meaning(job.call_error),
            actions=actions,
        )
    if job.gave_up:
        return Decision(
            outcome=Outcome.FAILED,
            sentence=f"{here}, where it was before. The migration was given up.{_woken(case)}",
            cause=job.gave_up,
            what_to_do="Migrate it when it writes less memory, or with a policy that goes further.",
            actions=actions,
        )
    where = ", where it has been started again since" if job.restarted else ", where it was before"
    return Decision(
        outcome=Outcome.FAILED,
        sentence=f"{here}{where}. The migration failed.{_woken(case)}",
        cause=why_it_stayed(job),
        what_to_do="Remove the cause and migrate again. libvirt's logs on both hosts have more details.",
        actions=actions,
    )


def _woken(case: Case) -> str:
    job = case.job
    if job.restarted or not case.source.runs:
        return ""
    if job.paused_by_policy:
        return " Its policy had paused it, and it runs again."
    if job.suspended:
        return " It was suspended during the migration, and libvirt has resumed it."
    return ""


def why_it_stayed(job: JobRecord) -> str:
    if job.restarted:
        ended = f"The VM stopped on {job.source} during the migration, and was started there again."
        return f"{ended} {meaning(job.call_error)}".strip()
    if job.call_error:
        return meaning(job.call_error)
    if not job.call_made:
        return "The worker ended before it asked libvirt to migrate the VM."
    if job.call_returned is None and not job.job_seen:
        return "kvmweb has not seen libvirt begin the migration."
    return {
        True: f"libvirt reported that the migration was finished, but {job.target} does not have the VM.",
        False: "libvirt ended the migration without saying why.",
        None: "The migration ended while kvmweb did not watch it, so kvmweb does not know libvirt's reason.",
    }[job.call_returned]
