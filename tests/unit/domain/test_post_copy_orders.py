"""What each of the three orders does, given what the hosts say."""

from __future__ import annotations

from typing import Any

import pytest

from hosts.calls.steer import PausePostCopy, ResumePostCopy, StartPostCopy
from hosts.facts.guest import GuestLook, JobKind, RunState
from migrations_app.domain.order import OrderState, Seen
from migrations_app.domain.orders import ORDERS

SWITCH, PAUSE, RESUME = (ORDERS[what].next for what in ("post_copy", "pause_post_copy", "resume_post_copy"))
SILENT = GuestLook(answered=False)
UNREAD = JobKind.UNKNOWN


def at(state: RunState, reason: str, job: JobKind = JobKind.MIGRATION_OUT) -> GuestLook:
    return GuestLook(answered=True, present=True, state=state, reason=reason, job=job)


COPYING = at(RunState.RUNNING, "booted")
HERE = at(RunState.PAUSED, "post-copy")
HERE_FAILED = at(RunState.PAUSED, "post-copy failed")
THERE = at(RunState.RUNNING, "post-copy", JobKind.MIGRATION_IN)
THERE_FAILED = at(RunState.RUNNING, "post-copy failed", JobKind.MIGRATION_IN)


def seen(source: GuestLook, target: GuestLook = THERE, **more: Any) -> Seen:
    usual = {
        "source_name": "kvm-a",
        "target_name": "kvm-b",
        "job_over": False,
        "value": None,
        "since": None,
        "settled": 2.0,
    }
    return Seen(source=source, target=target, **{**usual, **more})


def test_the_switch_is_told_until_libvirt_takes_it() -> None:
    assert SWITCH(seen(COPYING)).tell == StartPostCopy()
    assert SWITCH(seen(COPYING, since=0.5, refusals=1, refusal="not yet")).tell is None
    assert SWITCH(seen(COPYING, since=1.5, refusals=1, refusal="not yet")).tell == StartPostCopy()
    assert SWITCH(seen(COPYING, since=0.5)).answer is None  # its connection was lost: nobody heard
    taken = SWITCH(seen(COPYING, since=0.0, taken=True)).answer
    assert taken is not None
    assert taken.state is OrderState.APPLIED
    given_up = SWITCH(seen(COPYING, since=0.0, refusals=5, refusal="no")).answer
    assert given_up is not None
    assert (given_up.state, given_up.text) == (OrderState.REFUSED, "libvirt refused: no")


@pytest.mark.parametrize("source", [HERE, HERE_FAILED])
def test_a_switch_that_was_made_is_not_told_again(source: GuestLook) -> None:
    """By whoever takes over, and however QEMU answers."""
    step = SWITCH(seen(source))
    assert step.tell is None
    assert step.answer is not None


def test_nothing_is_told_to_a_host_that_does_not_answer() -> None:
    for order in (SWITCH, PAUSE, RESUME):
        step = order(seen(SILENT))
        assert (step.tell, step.answer) == (None, None)
        assert "kvm-a can be reached" in step.say
    assert SWITCH(seen(at(RunState.RUNNING, "booted", UNREAD))).tell is None


def test_a_pause_is_told_until_it_is_seen() -> None:
    assert PAUSE(seen(HERE)).tell == PausePostCopy()
    assert PAUSE(seen(HERE, since=0.5)).tell is None
    assert PAUSE(seen(HERE, since=1.5)).tell == PausePostCopy()
    assert PAUSE(seen(HERE_FAILED)).answer is not None
    assert PAUSE(seen(COPYING)).tell is None


def test_a_resume_waits_until_both_hosts_know() -> None:
    assert RESUME(seen(HERE_FAILED, THERE_FAILED)).tell == ResumePostCopy()
    for waits in (
        seen(HERE_FAILED, THERE),
        seen(HERE_FAILED, SILENT),
        seen(HERE_FAILED, THERE_FAILED, settled=1.9),
        seen(HERE_FAILED, THERE_FAILED, calling=True),
        seen(HERE_FAILED, THERE_FAILED, calling=True, resuming=True),
        seen(HERE_FAILED, THERE_FAILED, since=1.0, refusals=1, refusal="monitored by another thread"),
    ):
        assert (RESUME(waits).tell, RESUME(waits).answer) == (None, None)
    again = RESUME(seen(HERE_FAILED, THERE_FAILED, since=4.0, refusals=19, refusal="no route."))
    assert again.tell == ResumePostCopy()
    assert again.say == "libvirt has not resumed post-copy: no route. kvmweb tries again."


def test_a_resume_that_qemu_has_made_and_libvirt_denies() -> None:
    """libvirt may take the failure of before for one of this call. It would not see the end: it is made once more."""
    refused = {"refusals": 1, "refusal": "job 'migration in' failed in post-copy phase"}
    follows = {"flows": True, **refused}
    assert RESUME(seen(HERE_FAILED, THERE_FAILED, since=1.0, **follows)).tell is None
    again = RESUME(seen(HERE_FAILED, THERE_FAILED, since=4.0, **follows))
    assert again.tell == PausePostCopy()
    assert "Memory follows again" in again.say
    assert RESUME(seen(HERE_FAILED, THERE_FAILED, since=4.0, **refused)).tell == ResumePostCopy()


def test_a_resume_ends_when_the_source_sends_again_or_libvirt_refuses() -> None:
    resumed = RESUME(seen(HERE, THERE, calling=True, resuming=True)).answer
    assert resumed is not None
    assert resumed.state is OrderState.APPLIED
    refused = RESUME(seen(HERE_FAILED, THERE_FAILED, refusals=20, refusal="no route")).answer
    assert refused is not None
    assert (refused.state, refused.text) == (OrderState.REFUSED, "libvirt refused: no route")
