"""One host or both are not reachable: what the other says is not enough for an end. What a user does about it."""

from __future__ import annotations

from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.case import Case, run_on
from migrations_app.domain.outcome.decision import Decision
from migrations_app.domain.outcome.whereabouts import AtDestination, AtSource
from migrations_app.domain.virsh import virsh


def silent(case: Case) -> Decision:
    job = case.job
    missing = [job.source] if case.at is AtSource.SILENT else []
    missing += [job.target] if case.there is AtDestination.SILENT else []
    who = " and ".join(missing)
    known = f"kvmweb cannot tell where {job.name} runs."
    if case.at is AtSource.SILENT and case.there is AtDestination.RUNNING:
        known = f"{job.name} runs on {job.target}; kvmweb cannot tell whether {job.source} still has it."
    elif case.there is AtDestination.SILENT and case.source.runs:
        known = f"{job.name} runs on {job.source}; kvmweb cannot tell what {job.target} has."
    if not case.lasts(patience.SILENCE_S):
        return case.wait(f"Waiting for {who} to be reachable again. {known}", case.both_say)
    return case.attention(
        f"{known} {who} {'are' if len(missing) > 1 else 'is'} not reachable.",
        f"Bring {who} back: kvmweb then looks again.{_at_its_boot(case)} Do not start or resume the VM anywhere before"
        f" that: it could run twice. If {who} cannot come back, make sure that it is powered off, {_then(case)}",
    )


def _at_its_boot(case: Case) -> str:
    """Silent hosts are often booted anew."""
    job = case.job
    if case.at is not AtSource.SILENT or not job.autostart or case.there in (AtDestination.ABSENT, AtDestination.OFF):
        return ""
    return (
        f" If {job.source} has to boot for that, it would start the VM a second time: autostart is on. Keep it from the"
        " VM's disks until its link in /etc/libvirt/qemu/autostart there is removed."
    )


def _then(case: Case) -> str:
    """The next step once the silent host is certainly off, by what the other one says."""
    if case.at is AtSource.SILENT and case.there is AtDestination.SILENT:
        return "and read here what the other host reports once it is back."
    return _without_source(case) if case.at is AtSource.SILENT else _without_target(case)


def _without_source(case: Case) -> str:
    job = case.job
    end = run_on(job.target, job, "destroy")
    match case.there:
        case AtDestination.RUNNING:
            return f"then close this migration as an admin: {job.name} runs on {job.target}."
        case AtDestination.PAUSED:
            return f"then resume it on {job.target}, unless somebody paused it: {run_on(job.target, job, 'resume')}"
        case AtDestination.OFF if job.seen_there or not job.created_volumes:
            return f"then start it on {job.target}: {run_on(job.target, job, 'start')}"
        case AtDestination.OFF:
            return (
                f"then find out whether it has run on {job.target}: its log in /var/log/libvirt/qemu there says so. If"
                f" it has, start it there. If not, {_start_from_record(case)}"
            )
        case AtDestination.ABSENT:
            return f"then {_start_from_record(case)}"
        case AtDestination.UNCLEAR:
            return f"then look at it on {job.target}: {run_on(job.target, job, 'domstate', '--reason')}"
    return (
        f"then stop the incomplete VM on {job.target}: {end}, and {_start_from_record(case)}"
        " Its memory is lost with the other host."
    )


def _start_from_record(case: Case) -> str:
    job = case.job
    if job.created_volumes and not job.seen_there:
        return f"restore its disks: they were on {job.source}, and the copy on {job.target} is incomplete."
    return (
        f"start it again on {job.target}: save the definition recorded with this migration to a file, run virsh define"
        " FILE and virsh start there."
    )


def _without_target(case: Case) -> str:
    job = case.job
    afresh = f"{run_on(job.source, job, 'destroy')}, then {virsh('start', job.guest)}"
    match case.at:
        case AtSource.RUNNING | AtSource.PAUSED | AtSource.COPYING:
            return f"then close this migration as an admin: {job.name} stays on {job.source}."
        case AtSource.STOPPED | AtSource.SWITCHING:
            resume = f"then resume it on {job.source}: {run_on(job.source, job, 'resume')}."
            if job.created_volumes or job.postcopy_used:
                return resume if not job.postcopy_used else f"then start it again on {job.source}: {afresh}"
            return (
                f"{resume} If it may have run on {job.target} in between, its disks have changed: stop it and"
                f" start it again instead: {afresh}"
            )
        case AtSource.POST_COPY | AtSource.POST_COPY_BROKEN:
            return f"then start it again on {job.source}, its memory is lost: {afresh}"
        case AtSource.OFF | AtSource.GONE:
            lost = f" What it wrote on {job.target} is lost." if job.created_volumes else ""
            if case.at is AtSource.OFF:
                return f"then start it on {job.source}: {run_on(job.source, job, 'start')}.{lost}"
            return (
                f"then start it again on {job.source}: save the definition recorded with this migration to a file, run"
                f" virsh define FILE and virsh start there.{lost}"
            )
    return f"then look at it on {job.source}: {run_on(job.source, job, 'domstate', '--reason')}"
