"""Post-copy: until its end neither host has the whole guest."""

from __future__ import annotations

from migrations_app.domain.lifecycle import State
from migrations_app.domain.outcome import patience
from migrations_app.domain.outcome.case import Case
from migrations_app.domain.outcome.decision import Decision
from migrations_app.domain.outcome.silence import silent
from migrations_app.domain.outcome.whereabouts import AtDestination


def in_post_copy(case: Case) -> Decision:
    """PAUSED for post-copy at the source: neither host has the whole guest."""
    job = case.job
    if case.there is AtDestination.SILENT:
        return silent(case)
    if case.there in (AtDestination.RUNNING, AtDestination.POST_COPY):
        return case.moving(
            State.POST_COPY, f"{job.name} runs on {job.target} and still fetches memory from {job.source}."
        )
    limit = (
        patience.STALE_INCOMING_S
        if case.there in (AtDestination.INCOMING, AtDestination.POST_COPY_BROKEN)
        else patience.HANDOVER_S
    )
    if case.lasts(limit):
        return post_copy_broken(case)
    return case.moving(State.POST_COPY, f"{job.name} is switching over to {job.target} in post-copy.")


def post_copy_broken(case: Case) -> Decision:
    job = case.job
    if case.there is AtDestination.SILENT:
        return silent(case)
    return case.attention(
        f"{job.name} is stuck between {job.source} and {job.target}: neither has all its memory.",
        f"Do not resume it on {job.source} and do not destroy it on either host. When the network between the"
        " hosts works again, repeat the same virsh migrate command with --postcopy-resume on"
        f" {job.source} (libvirt 8.5 or later on both; not when {job.target} has libvirt 11.2 or 11.3).",
    )
