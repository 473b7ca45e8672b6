"""Post-copy with fake hosts: switched to, cut, paused, resumed; and what becomes of it when a worker dies in between."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from hosts.calls.move import Flag, Parameter
from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError, Refused
from migrations_app import ledger
from migrations_app.domain.convergence.action import Act, Action
from migrations_app.domain.convergence.policy import GENTLE, POST_COPY, Policy
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.domain.progress import Progress
from migrations_app.models import Decision, GuestConsent, Migration, Order
from migrations_app.usecases.errors import NotOffered
from migrations_app.usecases.give_order import order_by_name
from migrations_app.words.controls import controls, controls_on_page
from migrations_app.worker.watch import converging
from tests.db.moving import Scene, eventually, fresh, in_state, said, states
from tests.fakes.guests import FakeGuest, Move, job
from tests.patience import PATIENCE

pytestmark = pytest.mark.dual


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrations_app.worker.watch.watch.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("migrations_app.domain.orders.resume_post_copy._SETTLES_SECONDS", 0.0)


class Scripted:
    """A guest that is copied until somebody says more."""

    def __init__(self, scene: Scene, policy: Policy | None = None, consent: str = "", **options: Any) -> None:
        self.scene = scene
        self.guest: FakeGuest = scene.add_guest()
        self.move: Move = scene.script(self.guest)
        self.move.go_on.clear()
        self.row: Migration = scene.request(self.guest, **{"post_copy": policy is None, **options})
        if policy is not None:
            Migration.objects.filter(pk=self.row.pk).update(policy=policy.as_json())
        if consent:
            GuestConsent.objects.create(guest=self.row.guest, slow=consent, pause=consent, post_copy=consent)
        self.worker = scene.in_background(scene.run, self.row)
        eventually(in_state(self.row, State.COPYING_MEMORY))

    def order(self, what: str, by: Any = None) -> Order:
        return order_by_name(self.row, what, by=by or self.scene.operator)

    def becomes(self, *wanted: State) -> None:
        eventually(in_state(self.row, *wanted))

    def answered(self, order: Order) -> tuple[str, str]:
        def now() -> Order:
            return Order.objects.get(pk=order.pk)

        eventually(lambda: now().state in ("applied", "refused"))
        return now().state, now().text

    def switched(self) -> Scripted:
        assert self.answered(self.order("post_copy"))[0] == "applied"
        self.becomes(State.POST_COPY)
        return self

    def broken(self) -> Scripted:
        self.switched()
        self.move.cut.set()
        assert self.answered(self.order("pause_post_copy")) == ("applied", "Post-copy is paused.")
        self.becomes(State.POST_COPY_FAILED)
        return self

    def done(self) -> None:
        self.move.go_on.set()
        self.worker.join(PATIENCE)
        assert fresh(self.row).state == State.DONE, fresh(self.row).state_text
        assert self.scene.fleet["kvm-b"].guest(self.guest.definition.uuid).reason == "migrated"


@pytest.fixture
def moving(scene: Scene) -> Scripted:
    return Scripted(scene)


def offered(row: Migration) -> dict[str, str]:
    return {one.what: one.why for one in controls(fresh(row))}


def on_page(row: Migration) -> set[str]:
    return {one.what for one in controls_on_page(fresh(row))}


def calls_of(scene: Scene) -> list[Any]:
    return [call.arguments[0] for call in scene.fleet.calls if call.method == "migrate"]


def test_a_switch_by_order_ends_done(scene: Scene, moving: Scripted) -> None:
    assert offered(moving.row)["post_copy"] == ""
    moving.switched()
    assert fresh(moving.row).post_copy_at is not None
    assert "losing either host" in fresh(moving.row).state_text
    moving.done()
    assert states(moving.row)[-3:] == ["post_copy", "verifying", "done"]
    assert scene.fleet.methods("kvm-a").count("post_copy") == 1


def test_it_is_asked_for_at_the_start_and_keeps_the_limit(scene: Scene) -> None:
    moving = Scripted(scene, bandwidth_mib=3)
    (call,) = calls_of(scene)
    assert Flag.POSTCOPY in call.flags
    assert call.parameters[Parameter.BANDWIDTH_POSTCOPY] == 3
    moving.done()


def test_only_where_it_was_allowed_at_the_start(scene: Scene, operator: Any) -> None:
    moving = Scripted(scene, post_copy=False)
    assert "option post_copy" in offered(moving.row)["post_copy"]
    assert on_page(moving.row).isdisjoint({"post_copy", "pause_post_copy", "resume_post_copy"})
    with pytest.raises(NotOffered, match="option post_copy"):
        moving.order("post_copy")
    assert Flag.POSTCOPY not in calls_of(scene)[0].flags
    moving.done()


def test_what_is_paused_has_no_rate_and_no_time_left(moving: Scripted) -> None:
    moving.switched()
    eventually(lambda: fresh(moving.row).progress.get("rate_bps") == 1000)
    moving.move.cut.set()
    moving.answered(moving.order("pause_post_copy"))
    moving.becomes(State.POST_COPY_FAILED)
    eventually(lambda: fresh(moving.row).progress["rate_bps"] is None)
    assert fresh(moving.row).progress["eta_high_ms"] is None
    moving.move.cut.clear()
    moving.order("resume_post_copy")
    moving.done()


def test_what_is_offered_when(moving: Scripted) -> None:
    assert "post_copy" in on_page(moving.row)
    assert offered(moving.row)["pause_post_copy"] == "It is not in post-copy."
    moving.switched()
    assert on_page(moving.row) == {"pause_post_copy"}
    assert offered(moving.row)["resume_post_copy"].startswith("libvirt resumes post-copy only after")
    for late in ("restart", "finish"):
        assert "Too late" in offered(moving.row)[late]
    moving.move.cut.set()
    moving.answered(moving.order("pause_post_copy"))
    moving.becomes(State.POST_COPY_FAILED)
    assert on_page(moving.row) == {"resume_post_copy"}
    assert offered(moving.row)["pause_post_copy"] == "Post-copy is paused already."
    for late in ("restart", "finish", "cancel"):
        assert "Too late" in offered(moving.row)[late]
    moving.move.cut.clear()
    moving.order("resume_post_copy")
    moving.done()


def test_a_cut_is_paused_and_resumed_with_the_same_call(scene: Scene, moving: Scripted) -> None:
    moving.broken()
    row = fresh(moving.row)
    assert not row.terminal
    assert "divided between kvm-a and kvm-b" in row.state_text
    assert "Neither half may be resumed or destroyed" in row.error["what_to_do"]
    given = moving.order("resume_post_copy")
    eventually(lambda: "has noticed that the connection has ended" in said(moving.row))
    assert len(calls_of(scene)) == 1  # the destination does not know of the cut yet
    moving.move.cut.clear()
    assert moving.answered(given) == ("applied", "Post-copy goes on.")
    moving.becomes(State.POST_COPY)
    assert fresh(moving.row).error == {}
    moving.done()
    first, second = calls_of(scene)
    assert second.flags - first.flags == {Flag.POSTCOPY_RESUME}
    assert (second.peer, second.migration_address, second.live) == (first.peer, first.migration_address, True)
    assert second.parameters == first.parameters


def test_it_can_break_twice(moving: Scripted) -> None:
    moving.broken()
    moving.move.cut.clear()
    assert moving.answered(moving.order("resume_post_copy"))[0] == "applied"
    moving.becomes(State.POST_COPY)
    moving.move.cut.set()
    assert moving.answered(moving.order("pause_post_copy"))[0] == "applied"
    moving.becomes(State.POST_COPY_FAILED)
    moving.move.cut.clear()
    assert moving.answered(moving.order("resume_post_copy"))[0] == "applied"
    moving.done()


def test_two_users_at_once(scene: Scene, moving: Scripted, admin: Any) -> None:
    moving.broken()
    moving.move.cut.clear()
    both = [moving.order("resume_post_copy"), moving.order("resume_post_copy", by=admin)]
    assert [moving.answered(one)[0] for one in both] == ["applied", "applied"]
    assert len(calls_of(scene)) == 2
    moving.done()


def test_kvmweb_touches_neither_half(scene: Scene, moving: Scripted) -> None:
    moving.broken()
    moving.move.cut.clear()
    moving.order("resume_post_copy")
    moving.done()
    assert {"resume", "suspend", "start", "abort", "delete_volume"}.isdisjoint(scene.fleet.methods())


def kill(scene: Scene, moving: Scripted) -> None:
    """Its worker's claim is taken away, as an adopter does it, who tries again when the state changes in this moment;
    then another one adopts."""
    eventually(lambda: ledger.claim(moving.row.pk, states=IN_FLIGHT) is not None)
    moving.worker.join(PATIENCE)
    assert not moving.worker.is_alive()
    Migration.objects.filter(pk=moving.row.pk).update(owner="", owner_pid=None)
    moving.worker = scene.in_background(scene.adopt, moving.row)


def test_killed_in_post_copy(scene: Scene, moving: Scripted) -> None:
    kill(scene, moving.switched())
    moving.becomes(State.POST_COPY)
    moving.done()


def test_killed_between_pause_and_resume(scene: Scene, moving: Scripted) -> None:
    kill(scene, moving.broken())
    eventually(lambda: fresh(moving.row).owner_pid == os.getpid())
    moving.becomes(State.POST_COPY_FAILED)
    moving.move.cut.clear()
    assert moving.answered(moving.order("resume_post_copy"))[0] == "applied"
    moving.done()


def test_killed_after_a_resume_was_taken(scene: Scene, moving: Scripted) -> None:
    """libvirt was not told yet: the next worker does it. Told again, libvirt would refuse."""
    moving.broken()
    given = moving.order("resume_post_copy")
    eventually(lambda: Order.objects.get(pk=given.pk).state == "taken")
    kill(scene, moving)
    moving.move.cut.clear()
    assert moving.answered(given) == ("applied", "Post-copy goes on.")
    assert len(calls_of(scene)) == 2
    moving.done()


def test_killed_while_it_resumes(scene: Scene, moving: Scripted) -> None:
    moving.broken()
    moving.move.cut.clear()
    moving.answered(moving.order("resume_post_copy"))
    kill(scene, moving)
    moving.becomes(State.POST_COPY)
    moving.done()


def test_a_host_refuses_to_switch(scene: Scene, moving: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrations_app.domain.orders.post_copy.AGAIN_SECONDS", 0.0)
    error = Refused("Requested operation is not valid: not now", code=55, domain=10)
    scene.fleet["kvm-a"].fail("post_copy", error, times=5)
    state, text = moving.answered(moving.order("post_copy"))
    assert (state, text) == ("refused", "libvirt refused: Requested operation is not valid: not now")
    assert fresh(moving.row).state == State.COPYING_MEMORY
    assert fresh(moving.row).post_copy_at is None, "all memory is on the source"
    moving.done()


def test_a_switch_that_nobody_heard_of_counts(scene: Scene, moving: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrations_app.domain.orders.post_copy.AGAIN_SECONDS", 0.0)
    scene.fleet["kvm-a"].fail("post_copy", GatewayError("no answer", code=68))
    scene.fleet["kvm-a"].fail("post_copy", Refused("not now", code=55), times=9)
    order = moving.order("post_copy")
    assert moving.answered(order)[0] == "refused"
    assert fresh(moving.row).post_copy_at is not None
    moving.done()


def test_a_host_refuses_to_resume(scene: Scene, moving: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrations_app.domain.orders.resume_post_copy._AGAIN_SECONDS", 0.0)
    monkeypatch.setattr("migrations_app.domain.progress.STALL_MS", 0)  # it stands still at once
    moving.broken()
    moving.move.cut.clear()
    error = Refused("unable to connect to server at 'kvm-b:49152': No route to host", code=38, domain=7)
    scene.fleet["kvm-a"].fail("migrate", error, times=20)
    state, text = moving.answered(moving.order("resume_post_copy"))
    assert "No route to host. kvmweb tries again." in said(moving.row)
    assert state == "refused"
    assert "No route to host" in text
    moving.becomes(State.POST_COPY_FAILED)
    assert moving.answered(moving.order("resume_post_copy"))[0] == "applied"
    moving.done()


def test_a_resume_that_libvirt_denies_while_memory_follows(
    scene: Scene, moving: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would never see the end of it: kvmweb pauses once more, and resumes when nothing follows any more."""
    monkeypatch.setattr("migrations_app.domain.orders.resume_post_copy._AGAIN_SECONDS", 1.0)
    moving.broken()
    moving.move.cut.clear()
    scene.fleet["kvm-a"].fail("migrate", Refused("job 'migration in' failed in post-copy phase", code=9), times=1)
    given, remaining = moving.order("resume_post_copy"), count(10_000_000, -1)

    def paused_again() -> bool:
        moving.guest.job = job(next(remaining))
        return scene.fleet.methods("kvm-a").count("pause_post_copy") > 1

    eventually(paused_again)
    assert "Memory follows again, but libvirt on kvm-b has not noticed it" in said(moving.row)
    assert fresh(moving.row).progress.get("rate_bps") is None
    assert moving.answered(given)[0] == "applied"
    moving.done()


def test_a_silent_destination_is_waited_for(scene: Scene, moving: Scripted) -> None:
    moving.broken()
    scene.fleet["kvm-b"].silent = True
    eventually(lambda: "kvm-b is not reachable" in fresh(moving.row).state_text)
    assert fresh(moving.row).state == State.POST_COPY_FAILED
    given = moving.order("resume_post_copy")
    eventually(lambda: "when libvirt on kvm-b can be reached" in said(moving.row))
    scene.fleet["kvm-b"].silent = False
    moving.move.cut.clear()
    assert moving.answered(given)[0] == "applied"
    moving.done()


def test_the_destination_lost_its_half(scene: Scene, moving: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrations_app.domain.outcome.patience.HANDOVER_S", 0.2)
    moving.broken()
    half = scene.fleet["kvm-b"].guests.pop(moving.guest.definition.uuid)
    moving.becomes(State.NEEDS_ATTENTION)
    row = fresh(moving.row)
    assert "a part of its memory is lost" in row.state_text
    assert "Do not resume it on kvm-a" in row.error["what_to_do"]
    moving.worker.join(PATIENCE)
    scene.fleet["kvm-b"].guests[moving.guest.definition.uuid] = half  # the thread of the script ends with it
    moving.move.cut.clear()
    moving.move.go_on.set()


def test_the_source_lost_its_half(scene: Scene, moving: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The destination says that it runs, and it does not have all its memory: that is never done."""
    monkeypatch.setattr("migrations_app.domain.outcome.patience.HANDOVER_S", 0.2)
    moving.switched()
    scene.fleet["kvm-a"].guests.pop(moving.guest.definition.uuid)
    moving.becomes(State.NEEDS_ATTENTION)
    assert "before all its memory was copied" in fresh(moving.row).state_text
    assert scene.fleet["kvm-b"].guest(moving.guest.definition.uuid).state is RunState.RUNNING
    moving.move.go_on.set()


# --- by a policy ---


def switches(policy: Policy, track: Track, progress: Progress) -> tuple[Track, tuple[Action, ...]]:
    """Its last resort, at once."""
    if track.last_resort:
        return track, ()
    return replace(track, last_resort="post_copy"), (Action(act=Act.POST_COPY, text="Switched to post-copy."),)


def test_a_policy_allows_it_at_the_start_switches_and_resumes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converging, "decide", switches)
    moving = Scripted(scene, POST_COPY)
    (call,) = calls_of(scene)
    assert Flag.POSTCOPY in call.flags
    moving.becomes(State.POST_COPY)
    (decision,) = Decision.objects.filter(migration=moving.row)
    eventually(lambda: Decision.objects.get(pk=decision.pk).applied)
    assert on_page(moving.row) == {"pause_post_copy"}
    moving.move.cut.set()
    moving.answered(moving.order("pause_post_copy"))
    moving.becomes(State.POST_COPY_FAILED)
    given = Order.objects.get(migration=moving.row, what="resume_post_copy")
    assert (given.asked_by, given.asked_by_name) == (None, "policy post-copy")
    assert "The policy “post-copy” asked to resume post-copy." in said(moving.row)
    moving.move.cut.clear()
    assert moving.answered(given)[0] == "applied"
    moving.done()


def test_a_decision_that_libvirt_was_not_told_is_told_by_the_next_worker(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converging, "decide", switches)
    monkeypatch.setattr(converging, "AGAIN_SECONDS", 0.05)
    scene.fleet["kvm-a"].fail("post_copy", Refused("not now", code=55, domain=10), times=10_000)
    moving = Scripted(scene, POST_COPY)
    eventually(lambda: Decision.objects.filter(migration=moving.row).exists())
    kill(scene, moving)
    scene.fleet["kvm-a"].heal("post_copy")
    moving.becomes(State.POST_COPY)
    assert Decision.objects.filter(migration=moving.row).count() == 1
    moving.done()


@pytest.mark.parametrize(("policy", "consent"), [(GENTLE, ""), (POST_COPY, "never")])
def test_it_is_not_allowed_by(scene: Scene, policy: Policy, consent: str) -> None:
    moving = Scripted(scene, policy, consent)
    assert Flag.POSTCOPY not in calls_of(scene)[0].flags
    assert not fresh(moving.row).track_data.post_copy
    moving.done()


def test_a_policy_in_shadow_mode_sets_nothing(scene: Scene) -> None:
    moving = Scripted(scene, replace(POST_COPY, shadow=True))
    assert Flag.POSTCOPY not in calls_of(scene)[0].flags
    assert "option post_copy" in offered(moving.row)["post_copy"]
    moving.done()


def test_a_policy_goes_without_it_where_it_could_not_be_resumed(scene: Scene) -> None:
    scene.fleet["kvm-b"].libvirt = 11_003_000
    moving = Scripted(scene, POST_COPY)
    assert Flag.POSTCOPY not in calls_of(scene)[0].flags
    (found,) = [one for one in fresh(moving.row).findings if one["check"] == "post_copy_hosts"]
    assert found["severity"] == "warning"
    assert "the policy gives up" in found["summary"]
    moving.done()


def test_the_kernel_is_asked_where_qemu_is_not_root(scene: Scene) -> None:
    target = scene.fleet["kvm-b"]
    target.qemu_uid, target.written["userfaultfd"] = 64055, "0\n"
    row = scene.run(scene.request(scene.add_guest(), post_copy=True))
    assert row.state == State.BLOCKED
    assert "vm.unprivileged_userfaultfd is 0" in row.state_text


def test_who_asks_for_it_there_is_refused(scene: Scene) -> None:
    scene.fleet["kvm-b"].libvirt = 11_003_000
    row = scene.run(scene.request(scene.add_guest(), post_copy=True))
    assert row.state == State.BLOCKED
    assert "libvirt 11.3.0 on kvm-b crashes" in row.state_text
    assert calls_of(scene) == []
