"""Disks that go from pool to pool on the VM's own host: what the host says of each disk, and what it means.

Both looks are at the same host. `job.disks` says where the running and the saved definition have each disk. A disk that
was switched over is never switched back, and a volume that a definition names is never deleted.
"""

from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import GuestLook, RunState
from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.case import Case, run_on
from migrations_app.domain.outcome.decision import Action, At, Copying, Decision, DiskNow, JobRecord, Outcome
from migrations_app.domain.outcome.reasons import meaning

_STILL_COPIES = "A block job may still be running"


def decide(source: GuestLook, destination: GuestLook, job: JobRecord) -> Decision:
    case = Case(source, source, job)
    return replace(_decide(case), libvirt=job.call_error)


def _decide(case: Case) -> Decision:
    look, job = case.source, case.job
    if not look.answered:
        return _silent(case)
    if not look.present:
        return case.attention_after(
            patience.SETTLED_S,
            f"{job.source} does not have {job.name}; kvmweb looks again.",
            f"{job.source} does not have {job.name} any more.",
            f"Find out who removed it, and where it is. {_places(job)} Its definition is recorded with this migration.",
        )
    if not job.call_made:
        return _give_up(case, "The worker ended before it began to copy.")
    if job.was_off:
        return _was_off(case)
    if not look.active or job.restarted:
        return _stopped(case)
    return _runs(case)


# --- a VM that runs, in the same run as at the start ----------------------------------------------------------------


def _runs(case: Case) -> Decision:
    job = case.job
    new = [disk for disk in job.disks if disk.running is At.NEW]
    if not any(disk.switching for disk in job.disks) and not new:
        return _not_switched(case)
    if wrong := [disk for disk in job.disks if disk.running is At.OTHER or disk.copying is Copying.OTHER]:
        return _strange(case, wrong)
    if left := [disk for disk in job.disks if disk.running is At.OLD and disk.copying is not Copying.NO]:
        return _act_or_attention(
            case,
            Action.SWITCH_DISKS,
            State.SWITCHING_OVER,
            f"{_all(left)} copied; switching {case.job.name} over.",
            f"{case.here}. libvirt does not switch {_named(left)} over.",
            " ".join(_blockjob(case, disk, "--pivot") for disk in left),
        )
    if ending := [disk for disk in new if disk.copying is not Copying.NO]:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{case.here}; libvirt ends the block job of {_named(ending)}.",
            f"{case.here} on its new disks, and libvirt still has a block job for {_named(ending)}. {_places(job)}",
            f"{_blockjob(case, ending[0], '--info')} kvmweb looks again.",
        )
    if unsaved := [disk for disk in new if disk.saved is not At.NEW]:
        return _save(case, unsaved)
    if len(new) == len(job.disks):
        return _done(case)
    ended = f"The copy of {_named([disk for disk in job.disks if disk not in new])} ended before it was switched over."
    return _mixed(case, ended) if new else _give_up(case, ended, patience.SETTLED_S)


def _not_switched(case: Case) -> Decision:
    """Every disk is where it was."""
    job = case.job
    if job.cancel_requested:
        return _give_up(case, "")
    if job.call_error:
        return _give_up(case, meaning(job.call_error))
    if any(disk.running is At.OTHER or disk.copying is Copying.OTHER for disk in job.disks):
        return _give_up(case, "Somebody changed a disk of the VM, or began another block job.", patience.SETTLED_S)
    if ended := [disk for disk in job.disks if disk.copied and disk.copying is Copying.NO]:
        return _give_up(case, f"The copy of {_named(ended)} ended before it was complete.", patience.SETTLED_S)
    if [disk for disk in job.disks if disk.copying is Copying.NO]:
        return _go(Action.COPY_DISKS, State.COPYING_DISKS, f"{case.here}. Copying its disks on {job.source}.")
    if all(disk.copying is Copying.READY for disk in job.disks):
        return _go(Action.SWITCH_DISKS, State.SWITCHING_OVER, f"{case.here}. Switching it over to the new disks.")
    return case.moving(State.COPYING_DISKS, f"{case.here}. Copying its disks on {job.source}.")


def _strange(case: Case, disks: list[DiskNow]) -> Decision:
    return case.attention_after(
        patience.SETTLED_S,
        f"{case.here}; {_named(disks)} is not as kvmweb left it. kvmweb looks again.",
        f"{case.here}. Somebody changed {_named(disks)} while the disks were switched over. {_places(case.job)}",
        f"{run_on(case.job.source, case.job, 'domblklist')}. {_STILL_COPIES}:"
        f" {run_on(case.job.source, case.job, 'blockjob', disks[0].target, '--info')}",
    )


# --- a VM that ran and does not any more, or was started again ------------------------------------------------------


def _stopped(case: Case) -> Decision:
    """A block job ends with its VM."""
    job = case.job
    began = [disk for disk in job.disks if disk.switching or At.NEW in (disk.running, disk.saved)]
    if not began:
        why = "The VM was shut off while its disks were copied." if not job.restarted else "The VM was started again."
        return _give_up(case, why, patience.SETTLED_S)
    if unclear := [disk for disk in began if _unclear(disk)]:
        return _two_histories(case, unclear)
    if unsaved := [disk for disk in began if disk.saved is not At.NEW]:
        return _save(case, unsaved)
    return _done(case) if len(began) == len(job.disks) else _mixed(case)


def _unclear(disk: DiskNow) -> bool:
    """Whether the newest data may be in either: it is not known that it was switched over, or it runs from the old."""
    known = disk.switched or At.NEW in (disk.running, disk.saved)
    return not known or disk.running in (At.OLD, At.OTHER) or disk.saved is At.OTHER


def _two_histories(case: Case, disks: list[DiskNow]) -> Decision:
    job = case.job
    what = "was started again" if job.restarted else "stopped"
    return case.attention_after(
        patience.SETTLED_S,
        f"{job.name} {what} while it was switched over; kvmweb looks again.",
        f"{job.name} {what} while it was switched over, and kvmweb cannot tell which disk has its newest data."
        f" {_places(job)}",
        f"Do not {'use' if job.restarted else 'start'} the VM before you know. Compare the files of {_named(disks)} (ls"
        " --full-time): the one that was written last has the newest data. Enter it into the saved definition:"
        f" {run_on(job.source, job, 'edit')}. Then close this migration as an admin. kvmweb deletes neither.",
    )


# --- a VM that was shut off -----------------------------------------------------------------------------------------


def _was_off(case: Case) -> Decision:
    job, look = case.job, case.source
    new = [disk for disk in job.disks if disk.saved is At.NEW]
    if look.active:
        return _started(case, new)
    if look.state is not RunState.SHUTOFF:
        return case.attention_after(
            patience.HANDOVER_S,
            f"{job.name} is {look.state} on {job.source}; kvmweb looks again.",
            f"{job.name} is {look.state} on {job.source}. {_places(job)}",
            f"{run_on(job.source, job, 'domstate', '--reason')} says why.",
        )
    if len(new) == len(job.disks):
        return _done(case)
    if any(disk.saved is At.OTHER for disk in job.disks):
        changed = "Somebody changed the saved definition of the VM."
        return _mixed(case, changed) if new else _give_up(case, changed)
    if job.call_error:
        return _mixed(case) if new else _give_up(case, meaning(job.call_error))
    if job.cancel_requested and not new:
        return _give_up(case, "")
    if not all(disk.copied for disk in job.disks):
        return _go(Action.COPY_DISKS, State.COPYING_DISKS, f"{_off(job)}. Copying its disks there.")
    return _save(case, [disk for disk in job.disks if disk.saved is not At.NEW])


def _started(case: Case, new: list[DiskNow]) -> Decision:
    job = case.job
    if not new:
        return _give_up(case, "The VM was started while its disks were copied.")
    if stale := [disk for disk in new if disk.running is not At.NEW]:
        return case.attention_after(
            patience.SETTLED_S,
            f"{case.here}, where it was started during the migration; kvmweb looks again.",
            f"{case.here}, where it was started during the migration. It uses the old {_named(stale)}, and its saved"
            f" definition names the new one. {_places(job)}",
            "What the VM writes now is lost at its next start, unless the saved definition names the old path again:"
            f" {run_on(job.source, job, 'edit')}. Then close this migration as an admin.",
        )
    return _done(case) if len(new) == len(job.disks) else _mixed(case)


# --- ends -----------------------------------------------------------------------------------------------------------


def _done(case: Case) -> Decision:
    job = case.job
    words = [f"{_where(case)}, with {_named(job.disks)} at {'its' if len(job.disks) == 1 else 'their'} new place."]
    if job.cancel_requested:
        words.append("The cancel came too late.")
    return Decision(outcome=Outcome.DONE, sentence=" ".join(words))


def _mixed(case: Case, why: str = "") -> Decision:
    """Some disks are at the new place, in both definitions, and the others are where they were."""
    job = case.job
    if not case.lasts(patience.SETTLED_S):
        return case.wait(f"{_where(case)}; kvmweb looks again.", why)
    return Decision(
        outcome=Outcome.FAILED,
        sentence=f"{_where(case)}. Only a part of its disks is at the new place. {_places(job)}",
        cause=" ".join(filter(None, (why, meaning(job.call_error)))),
        what_to_do="Nothing is lost. Start another migration for the other disks.",
        actions=(Action.DELETE_OWN_VOLUMES,),
    )


def _give_up(case: Case, why: str, after: float = 0.0) -> Decision:
    """Nothing was switched over: stop the copies, delete the new volumes. The disks were in use, and are, as before."""
    job = case.job
    if not case.lasts(after):
        return case.wait(f"{_where(case)}; kvmweb looks again.", why)
    if left := [disk for disk in job.disks if disk.copying in (Copying.YES, Copying.READY)]:
        return _act_or_attention(
            case,
            Action.STOP_COPIES,
            State.VERIFYING,
            f"{_where(case)}. Stopping the copies.",
            f"{case.here}, on its old disks. libvirt does not stop the copy of {_named(left)}.",
            " ".join(_blockjob(case, disk, "--abort") for disk in left),
        )
    if job.cancel_requested:
        return Decision(
            outcome=Outcome.CANCELLED,
            sentence=f"{_where(case)}, on its old disks. The migration was cancelled.",
            actions=(Action.DELETE_OWN_VOLUMES,),
        )
    return Decision(
        outcome=Outcome.FAILED,
        sentence=f"{_where(case)}, on its old disks. The migration failed.",
        cause=why,
        what_to_do="Remove the cause and migrate again.",
        actions=(Action.DELETE_OWN_VOLUMES,),
    )


def _save(case: Case, disks: list[DiskNow]) -> Decision:
    return _act_or_attention(
        case,
        Action.SAVE_PLACES,
        State.VERIFYING,
        f"{_where(case)}. Writing the new place of {_named(disks)} into the saved definition.",
        f"{_where(case)}. Its saved definition does not name the new place of {_named(disks)}. {_places(case.job)}",
        f"Before its next start, enter the new paths: {run_on(case.job.source, case.job, 'edit')}",
    )


def _silent(case: Case) -> Decision:
    job = case.job
    known = f"kvmweb cannot tell what became of the disks of {job.name}."
    if not case.lasts(patience.SILENCE_S):
        return case.wait(f"Waiting for {job.source} to be reachable again. {known}", case.both_say)
    return case.attention(
        f"{known} {job.source} is not reachable.",
        f"Bring {job.source} back: kvmweb then looks again, and continues. The VM may be running, and QEMU copies"
        f" without kvmweb. {_places(job)}",
    )


def _go(action: Action, state: State, sentence: str) -> Decision:
    return Decision(outcome=Outcome.IN_PROGRESS, state=state, sentence=sentence, actions=(action,))


def _act_or_attention(case: Case, action: Action, state: State, doing: str, failed: str, todo: str) -> Decision:
    """Again and again for a while: libvirt may be busy with the VM."""
    if not case.lasts(patience.JOB_WAIT_S):
        return _go(action, state, doing)
    return case.attention(failed, todo)


# --- words ----------------------------------------------------------------------------------------------------------


def _where(case: Case) -> str:
    return case.here if case.source.active else _off(case.job)


def _off(job: JobRecord) -> str:
    return f"{job.name} is shut off on {job.source}"


def _named(disks: list[DiskNow] | tuple[DiskNow, ...]) -> str:
    targets = [disk.target for disk in disks]
    return f"disk {targets[0]}" if len(targets) == 1 else f"disks {', '.join(targets[:-1])} and {targets[-1]}"


def _all(disks: list[DiskNow]) -> str:
    named = _named(disks)
    return f"{named[0].upper()}{named[1:]} {'is' if len(disks) == 1 else 'are'}"


def _blockjob(case: Case, disk: DiskNow, how: str) -> str:
    return f"{run_on(case.job.source, case.job, 'blockjob', disk.target, how)}."


_AT = {At.OLD: "the old disk", At.NEW: "the new disk", At.OTHER: "another disk, or none"}


def _places(job: JobRecord) -> str:
    """Which disk is where."""
    return " ".join(_place(disk) for disk in job.disks)


def _place(disk: DiskNow) -> str:
    said = []
    if disk.running is not None:
        said.append(f"the VM uses {_AT[disk.running]}")
    said.append(f"its saved definition names {_AT[disk.saved]}")
    if disk.copying in (Copying.YES, Copying.READY):
        said.append("its block job still runs")
    return f"Disk {disk.target}: {', '.join(said)} (old: {disk.old}, new: {disk.new})."
