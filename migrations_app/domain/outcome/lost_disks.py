"""A guest that has arrived and whose copied disk is deleted: it runs from an open file that nobody can open again."""

from __future__ import annotations

import posixpath

from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.case import Case, run_on
from migrations_app.domain.outcome.decision import Decision, Loss, LostDisk
from migrations_app.domain.virsh import virsh


def judge(case: Case) -> Decision:
    """For an arrived guest with `job.lost_disks`."""
    job = case.job
    gone = [disk for disk in job.lost_disks if disk.how in (Loss.DELETED, Loss.REPLACED)]
    if gone:
        return case.attention(f"{case.arrived}. {_warning(case, gone)}", " ".join(_rescue(case, disk) for disk in gone))
    old = [disk for disk in job.lost_disks if disk.how is Loss.DEFINITION]
    if old:
        names = " and ".join(f"{disk.target} is {disk.path} now" for disk in old)
        return case.attention(
            f"{case.arrived}, but its saved definition there still names the disk that was deleted.",
            f"Enter the new path, so that it can be started again: {names}. {run_on(job.target, job, 'edit')}",
        )
    paths = " and ".join(disk.path for disk in job.lost_disks)
    refresh = "; ".join(virsh("pool-refresh", disk.pool) for disk in job.lost_disks)
    return case.attention_after(
        patience.POOL_S,
        f"{case.arrived}; asking {job.target} about its copied disk.",
        f"{case.arrived}, but {job.target} does not say whether its disk is still there: {paths}.",
        f"Do not stop the VM before you have seen the file on {job.target}. There run: {refresh}",
    )


def _warning(case: Case, gone: list[LostDisk]) -> str:
    disks = "its disk" if len(gone) == 1 else f"its disks {', '.join(disk.target for disk in gone)}"
    words = f"Do not stop the VM: {disks} on {case.job.target} {'has' if len(gone) == 1 else 'have'} been deleted."
    if any(disk.how is Loss.REPLACED for disk in gone):
        words += " Another file is in its place."
    return words


def _rescue(case: Case, disk: LostDisk) -> str:
    """The running QEMU still has the old file open: libvirt can copy it from there to a new one."""
    job = case.job
    stem, ending = posixpath.splitext(disk.path)
    new = f"{stem}.saved{ending}"
    copy = run_on(job.target, job, "blockcopy", disk.target, "--dest", new, "--transient-job", "--wait")
    return (
        f"{disk.target} was {disk.path}. Save it while the VM runs. {copy} --verbose --pivot. Then"
        f" {virsh('pool-refresh', disk.pool)}. The VM's saved definition on {job.target} must name the"
        f" new file too: look at it, and correct the path there if it does not. {job.source} still has the disk as it"
        " was when the VM migrated: what the VM has written since is not in that copy."
    )
