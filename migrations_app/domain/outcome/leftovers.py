"""What a migration leaves behind that did not end as it should: the VM's definition at the source, and disks at the
destination, which are nobody's, unless the VM may have run with them."""

from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.outcome.case import Case
from migrations_app.domain.outcome.decision import Action, Decision, JobRecord


def may_have_run_there(job: JobRecord) -> bool:
    """It was seen there, or has been started again at the source while nobody watched what came before."""
    unwatched = job.call_made and (job.attended or job.call_returned is None)
    return job.seen_there or (unwatched and job.restarted is not False)


def newest_may_be_there(case: Case) -> Decision:
    """Of a VM that the source has, with disks that were copied."""
    job = case.job
    return case.attention(
        f"{case.here}, but it may have run on {job.target} since then, with the disks that were copied there: its"
        " newest data may be on either host.",
        f"Find out when it ran on {job.target}: its log in /var/log/libvirt/qemu there says so. If the newest data is"
        f" there, shut it down on {job.source} before it writes more, and start it on {job.target}. If not, delete the"
        " copies; the journal names them. Then close this migration as an admin.",
    )


def without_autostart(decision: Decision, job: JobRecord) -> Decision:
    """Of a VM that is at the destination, and still defined at the source."""
    return replace(decision, actions=(Action.AUTOSTART_OFF_AT_SOURCE,)) if job.autostart else decision
