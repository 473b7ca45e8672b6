"""A policy in effect: what it decides is written down, told to libvirt and read back; whoever adopts it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from hosts.calls.move import Flag
from hosts.calls.steer import LimitDowntime
from hosts.facts.guest import RunState
from hosts.gateway.port import Refused
from migrations_app import ledger
from migrations_app.domain.convergence.action import Act, Action
from migrations_app.domain.convergence.policy import GENTLE, MUST_FINISH, Consent, LastResort, Policy
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.progress import Progress
from migrations_app.ledger import restarts
from migrations_app.models import Decision, GuestConsent, Migration
from migrations_app.models import Policy as Policies
from migrations_app.usecases.errors import NotOffered, RequestRefused
from migrations_app.usecases.give_order import cancel_migration, order_by_name
from migrations_app.worker.watch import converging, ending, pausing, steering
from tests.db.moving import Scene, eventually, fresh, in_state, said
from tests.fakes.guests import Ending, FakeGuest, job

pytestmark = [pytest.mark.dual]

STARTS_MS = GENTLE.start_downtime_ms
Decides = Callable[[Policy, Track, Progress], tuple[Track, tuple[Action, ...]]]


class Killed(BaseException):
    """The worker's process ends here."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converging, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(pausing, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(pausing, "RESUMES_SECONDS", 0.5)


@pytest.fixture
def decides(monkeypatch: pytest.MonkeyPatch) -> Callable[[Decides], None]:
    return lambda script: monkeypatch.setattr(converging, "decide", script)


def waits(policy: Policy, track: Track, progress: Progress) -> tuple[Track, tuple[Action, ...]]:
    return track, ()


def ladder(*steps: int) -> Decides:
    """A step at each look; where it is, the track knows."""

    def decide(policy: Policy, track: Track, progress: Progress) -> tuple[Track, tuple[Action, ...]]:
        following = next((step for step in steps if step > (track.wanted_ms or 0)), None)
        if following is None:
            return track, ()
        action = Action(act=Act.RAISE, text=f"Raised to {following}.", downtime_ms=following, numbers={"pass": 7})
        return replace(track, wanted_ms=following), (action,)

    return decide


def once(act: Act, downtime_ms: int | None = None) -> Decides:
    def decide(policy: Policy, track: Track, progress: Progress) -> tuple[Track, tuple[Action, ...]]:
        if track.wanted_ms:
            return track, ()
        action = Action(act=act, text=f"Now: {act}.", downtime_ms=downtime_ms)
        return replace(track, wanted_ms=1), (action,)

    return decide


class Running:
    """A migration with a policy that copies until it is told to go on."""

    def __init__(self, scene: Scene, policy: Policy = GENTLE, **move: Any) -> None:
        self.scene = scene
        self.policy = policy
        self.guest: FakeGuest = scene.add_guest()
        self.move = scene.script(self.guest, **move)
        self.move.go_on.clear()
        self.row: Migration = scene.request(self.guest)
        Migration.objects.filter(pk=self.row.pk).update(policy=policy.as_json())
        self.worker = self.start(scene.run)

    def start(self, work: Callable[[Migration], Migration]) -> threading.Thread:
        def run(row: Migration) -> Migration:
            try:
                return work(row)
            except Killed:
                return row

        worker = self.scene.in_background(run, self.row)
        eventually(in_state(self.row, State.COPYING_MEMORY))
        return worker

    def dies(self) -> None:
        self.worker.join(10)
        assert not self.worker.is_alive()
        Migration.objects.filter(pk=self.row.pk).update(owner="", owner_pid=None)

    def adopted(self) -> None:
        self.worker = self.start(self.scene.adopt)

    def end(self) -> Migration:
        self.move.go_on.set()
        self.worker.join(10)
        return fresh(self.row)

    def set_to(self) -> list[int]:
        told = [call.arguments[1] for call in self.scene.fleet.calls if call.method == "set_limit"]
        return [limit.milliseconds for limit in told if isinstance(limit, LimitDowntime)]

    def decisions(self) -> list[tuple[str, int | None, bool]]:
        rows = Decision.objects.filter(migration=self.row.pk).order_by("pk")
        return [(row.action, row.downtime_ms, row.applied) for row in rows]

    def calls(self, *methods: str) -> list[tuple[str, str]]:
        return [(call.method, call.host) for call in self.scene.fleet.calls if call.method in methods]


def kill(monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    monkeypatch.setattr(place, name, killed)


# --- the allowed downtime -----------------------------------------------------------------------------------------------


def test_the_ladder_is_told_read_back_and_in_the_journal(scene: Scene, decides: Any) -> None:
    decides(ladder(150, 200))
    running = Running(scene)
    eventually(lambda: running.decisions() == [("raise", 150, True), ("raise", 200, True)])
    assert running.set_to() == [STARTS_MS, 150, 200]
    assert running.guest.limits.max_downtime_ms == 200
    assert "Raised to 150.\nRaised to 200." in said(running.row)
    done = running.end()
    assert (done.state, done.track_data.wanted_ms) == (State.DONE, 200)
    assert Decision.objects.filter(migration=done.pk).first().numbers == {"pass": 7}  # type: ignore[union-attr]


def test_the_longest_that_libvirt_allows_is_not_exceeded(scene: Scene, decides: Any) -> None:
    decides(once(Act.FINISH, 9_000_000))
    running = Running(scene)
    eventually(lambda: running.decisions() == [("finish", 9_000_000, True)])
    assert running.set_to() == [STARTS_MS, 2_000_000]
    running.end()


def test_what_libvirt_refuses_is_told_again_until_it_takes_it(scene: Scene, decides: Any) -> None:
    decides(waits)
    running = Running(scene)
    eventually(lambda: running.set_to() == [STARTS_MS])
    scene.fleet["kvm-a"].fail("set_limit", Refused("not now", code=55), times=3)
    decides(ladder(150))
    eventually(lambda: running.decisions() == [("raise", 150, True)])
    assert running.set_to() == [STARTS_MS, 150, 150, 150, 150]
    assert said(running.row).count("libvirt has not allowed 150 ms yet: not now") == 1
    assert running.end().state == State.DONE


def test_what_a_user_has_allowed_is_not_lowered(scene: Scene, decides: Any, operator: Any) -> None:
    decides(waits)
    running = Running(scene)
    order = order_by_name(running.row, "max_downtime_ms", by=operator, value=900)
    eventually(lambda: running.guest.limits.max_downtime_ms == 900)
    decides(ladder(150, 1000))
    eventually(lambda: running.decisions() == [("raise", 150, True), ("raise", 1000, True)])
    assert running.set_to() == [STARTS_MS, 900, 1000]
    order.refresh_from_db()
    assert order.read_back == 900
    running.end()


def test_what_a_user_asks_for_afterwards_counts(scene: Scene, decides: Any, operator: Any) -> None:
    """Also when libvirt has not taken what the policy wanted before."""
    decides(waits)
    running = Running(scene)
    eventually(lambda: running.set_to() == [STARTS_MS])
    scene.fleet["kvm-a"].fail("set_limit", Refused("not now", code=55), times=2)
    decides(ladder(500))
    eventually(lambda: running.set_to()[1:] == [500, 500])
    order_by_name(running.row, "max_downtime_ms", by=operator, value=120)
    eventually(lambda: running.guest.limits.max_downtime_ms == 120)
    running.end()
    assert running.set_to()[-1] == 120


def test_in_shadow_mode_it_is_said_and_not_done(scene: Scene, decides: Any) -> None:
    decides(ladder(150, 200))
    running = Running(scene, replace(GENTLE, shadow=True))
    eventually(lambda: running.decisions() == [("raise", 150, False), ("raise", 200, False)])
    assert "Shadow mode, not done: Raised to 150." in said(running.row)
    done = running.end()
    assert (done.state, running.set_to()) == (State.DONE, [])


def test_a_method_without_a_policy_has_nothing_to_remember(scene: Scene) -> None:
    done = scene.run(scene.request(scene.add_guest(), kind=Kind.SUSPENDED))
    assert (done.state, done.track) == (State.DONE, {})


# --- a worker that ends -------------------------------------------------------------------------------------------------


def test_an_adopter_goes_on_with_the_next_step(scene: Scene, decides: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker ends between two steps: none is repeated, none is left out."""
    decides(ladder(150))
    running = Running(scene)
    eventually(lambda: running.decisions() == [("raise", 150, True)])
    with monkeypatch.context() as patched:
        kill(patched, converging, "decide")
        running.dies()
    decides(ladder(150, 200, 300))
    running.adopted()
    eventually(lambda: running.decisions()[-1] == ("raise", 300, True))
    assert running.decisions() == [("raise", 150, True), ("raise", 200, True), ("raise", 300, True)]
    assert running.set_to() == [STARTS_MS, 150, 200, 300]
    running.end()


@pytest.mark.parametrize("where", ["remember", "value", "decision_applied"])
def test_an_adopter_tells_what_was_decided_and_not_told(
    where: str, scene: Scene, decides: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker ends after the decision was written down: before libvirt was told, and after that."""
    decides(waits)
    running = Running(scene)
    eventually(lambda: running.set_to() == [STARTS_MS])
    with monkeypatch.context() as patched:
        place = ledger if where == "decision_applied" else converging.Limits
        kill(patched, place, where)
        decides(ladder(150))
        running.dies()
    assert fresh(running.row).track_data.wanted_ms == 150
    assert running.decisions() == [("raise", 150, False)]
    decides(waits)
    running.adopted()
    eventually(lambda: running.decisions() == [("raise", 150, True)])
    assert running.guest.limits.max_downtime_ms == 150
    running.end()


def test_a_decision_and_what_the_policy_remembers_are_written_together(
    scene: Scene, decides: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decides(waits)
    running = Running(scene)
    with monkeypatch.context() as patched:
        kill(patched, ledger.decisions, "_keep")  # type: ignore[attr-defined]
        decides(ladder(150))
        running.dies()
    assert (running.decisions(), fresh(running.row).track_data.wanted_ms) == ([], None)
    running.adopted()
    eventually(lambda: running.decisions() == [("raise", 150, True)])
    running.end()


# --- giving up ----------------------------------------------------------------------------------------------------------


def test_a_policy_that_gives_up_leaves_the_vm_where_it_is(scene: Scene, decides: Any) -> None:
    decides(once(Act.ABORT))
    running = Running(scene)
    running.worker.join(10)
    end = fresh(running.row)
    assert (end.state, running.guest.state) == (State.FAILED, RunState.RUNNING)
    assert end.state_text == "web-01 runs on kvm-a, where it was before. The migration was given up."
    assert end.error["cause"] == "Now: abort."
    assert "policy" in end.error["what_to_do"]
    assert running.decisions() == [("abort", None, True)]


def test_libvirts_own_downtime_is_put_back_after_it_gave_up(scene: Scene, decides: Any) -> None:
    decides(ladder(150))
    running = Running(scene)
    eventually(lambda: running.decisions() == [("raise", 150, True)])
    decides(lambda _policy, track, _progress: (track, (Action(act=Act.ABORT, text="No more."),)))
    running.worker.join(10)
    assert (fresh(running.row).state, running.guest.limits.max_downtime_ms) == (State.FAILED, 300)


@pytest.mark.parametrize("where", ["_tell", "_taken"])
def test_an_adopter_ends_what_was_given_up(
    where: str, scene: Scene, decides: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decides(waits)
    running = Running(scene)
    with monkeypatch.context() as patched:
        kill(patched, converging.Converging, where)
        decides(once(Act.ABORT))
        running.dies()
    decides(waits)
    adopter = scene.in_background(scene.adopt, running.row)
    adopter.join(20)
    end = fresh(running.row)
    assert (end.state, running.guest.state, end.error["cause"]) == (State.FAILED, RunState.RUNNING, "Now: abort.")


def test_it_may_be_too_late_to_give_up(scene: Scene, decides: Any) -> None:
    decides(once(Act.ABORT))
    running = Running(scene, too_late=True)
    eventually(lambda: ("abort", "kvm-a") in running.calls("abort"))
    done = running.end()
    assert done.state == State.DONE
    assert "too late" in done.state_text


def test_a_users_cancel_stays_a_cancel(scene: Scene, decides: Any, operator: Any) -> None:
    decides(waits)
    running = Running(scene)
    scene.fleet["kvm-a"].fail("abort", Refused("not now", code=55), times=2)
    decides(once(Act.ABORT))
    eventually(lambda: running.decisions() == [("abort", None, False)])
    cancel_migration(running.row, by=operator)
    running.worker.join(10)
    end = fresh(running.row)
    assert end.state == State.CANCELLED
    assert end.state_text.startswith("web-01 runs on kvm-a. The migration was cancelled.")


# --- the pause ----------------------------------------------------------------------------------------------------------


def paused(running: Running) -> None:
    eventually(lambda: running.decisions() == [("suspend", None, True)])
    assert running.guest.state is RunState.PAUSED
    assert fresh(running.row).paused_by_policy


def test_the_pause_is_written_down_before_it_begins(
    scene: Scene, decides: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decides(waits)
    running = Running(scene)
    with monkeypatch.context() as patched:
        kill(patched, converging.Converging, "_tell")
        decides(once(Act.SUSPEND))
        running.dies()
    assert fresh(running.row).paused_by_policy
    assert running.guest.state is RunState.RUNNING
    decides(waits)
    running.adopted()
    paused(running)
    assert running.end().state == State.DONE


def test_libvirt_resumes_it_and_nobody_is_blamed(scene: Scene, decides: Any) -> None:
    decides(once(Act.SUSPEND))
    running = Running(scene)
    paused(running)
    assert fresh(running.row).state == State.COPYING_MEMORY
    eventually(lambda: "Its policy has paused web-01 on kvm-a" in fresh(running.row).state_text)
    done = running.end()
    assert (done.state, done.suspended) == (State.DONE, False)
    assert done.state_text == "web-01 runs on kvm-b. Its policy had paused it, so that it could arrive."
    assert running.calls("resume") == []
    assert "Somebody" not in said(done)


@pytest.mark.parametrize(("ending", "host", "state"), [
    (Ending.DONE, "kvm-b", State.DONE), (Ending.ROLLED_BACK, "kvm-a", State.FAILED),
])  # fmt: skip
@pytest.mark.parametrize("adopted", [False, True])
def test_it_is_resumed_wherever_it_ended(
    adopted: bool, ending: Ending, host: str, state: State, scene: Scene, decides: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decides(once(Act.SUSPEND))
    running = Running(scene, left_paused=True, ending=ending)
    paused(running)
    if adopted:
        with monkeypatch.context() as patched:
            kill(patched, converging.Converging, "act")
            running.dies()
        running.adopted()
        eventually(lambda: fresh(running.row).owner)
        eventually(lambda: scene.fleet.methods("kvm-a").count("look") > 3)
        threading.Event().wait(0.2)
    end = running.end()
    assert end.state == state
    assert scene.fleet[host].guests[str(end.guest_id)].state is RunState.RUNNING
    assert running.calls("resume") == [("resume", host)]
    assert f"kvmweb resumed web-01 on {host}" in said(end)
    assert "resume" not in end.error.get("what_to_do", "")


def test_after_a_cancel_too(scene: Scene, decides: Any, operator: Any) -> None:
    decides(once(Act.SUSPEND))
    running = Running(scene, left_paused=True)
    paused(running)
    cancel_migration(running.row, by=operator)
    running.worker.join(10)
    end = fresh(running.row)
    assert (end.state, running.guest.state) == (State.CANCELLED, RunState.RUNNING)
    assert end.state_text.endswith("Its policy had paused it, and it runs again.")


def test_what_cannot_be_resumed_is_said_with_the_command(scene: Scene, decides: Any) -> None:
    decides(once(Act.SUSPEND))
    running = Running(scene, left_paused=True)
    paused(running)
    scene.fleet["kvm-b"].fail("resume", Refused("an I/O error", code=1), times=1000)
    done = running.end()
    assert done.state == State.DONE
    assert f"On kvm-b run: virsh resume {done.guest_id}" in done.error["what_to_do"]


def test_a_pause_that_nobody_saw_is_not_ended(scene: Scene, decides: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended while no worker watched: it may be a user who has paused it since. The command is said."""
    decides(once(Act.SUSPEND))
    running = Running(scene, left_paused=True)
    paused(running)
    with monkeypatch.context() as patched:
        kill(patched, converging.Converging, "act")
        running.dies()
    running.move.go_on.set()
    running.move.over.wait(10)
    done = scene.adopt(running.row)
    assert (done.state, running.calls("resume")) == (State.DONE, [])
    assert "Unless somebody has paused it since" in done.error["what_to_do"]
    assert f"On kvm-b run: virsh resume {done.guest_id}" in done.error["what_to_do"]


def test_a_pause_does_not_wait_for_a_network_that_is_down(
    scene: Scene, decides: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converging, "STILL_MS", 3000)
    decides(once(Act.SUSPEND))
    running = Running(scene)
    paused(running)
    running.worker.join(15)
    end = fresh(running.row)
    assert (end.state, running.guest.state) == (State.FAILED, RunState.RUNNING)
    assert "no data has been transferred for 3 s" in end.error["cause"]
    assert running.decisions() == [("suspend", None, True), ("abort", None, True)]


def test_a_user_who_resumes_it_has_the_last_word(scene: Scene, decides: Any) -> None:
    decides(once(Act.SUSPEND))
    running = Running(scene)
    paused(running)
    running.guest.state, running.guest.reason = RunState.RUNNING, "unpaused"
    eventually(lambda: not fresh(running.row).paused_by_policy)
    eventually(lambda: "Somebody resumed web-01 on kvm-a." in said(running.row))
    assert running.end().state == State.DONE
    assert len(running.calls("suspend")) == 1


def test_what_a_user_had_suspended_is_not_the_policys(scene: Scene, decides: Any) -> None:
    decides(waits)
    running = Running(scene)
    Migration.objects.filter(pk=running.row.pk).update(suspended=True)
    running.guest.state, running.guest.reason = RunState.PAUSED, "migration"
    eventually(lambda: scene.fleet.methods("kvm-a").count("look") > 5)
    decides(once(Act.SUSPEND))
    threading.Event().wait(0.2)
    assert (running.decisions(), fresh(running.row).paused_by_policy) == ([], False)
    running.end()


# --- to start again -----------------------------------------------------------------------------------------------------


@pytest.fixture
def must_finish() -> str:
    fields = {name: value for name, value in MUST_FINISH.as_json().items() if name != "name"}
    return str(Policies.objects.update_or_create(name=MUST_FINISH.name, defaults=fields)[0])


def restarted(running: Running) -> Migration:
    """The one new migration, which is only requested."""
    new: Migration = Migration.objects.exclude(pk=running.row.pk).get()
    assert new.restart_of_id == running.row.pk
    assert new.state == State.REQUESTED
    return new


def test_it_starts_again_with_the_policy_that_was_asked_for(
    scene: Scene, decides: Any, admin: Any, must_finish: str
) -> None:
    decides(waits)
    running = Running(scene)
    order = order_by_name(running.row, "restart", by=admin, value=must_finish, reason="it takes too long")
    running.worker.join(10)
    old, new = fresh(running.row), restarted(running)
    assert (old.state, running.guest.state) == (State.CANCELLED, RunState.RUNNING)
    assert (new.guest, new.source, new.target, new.kind) == (old.guest, old.source, old.target, old.kind)
    assert (new.options, new.reason, new.requested_by) == (old.options, old.reason, admin)
    assert (new.policy_data, new.track) == (MUST_FINISH, {})
    order.refresh_from_db()
    text = f"Started again as migration {new.pk}, with the policy “must finish”."
    assert (order.state, order.text) == ("applied", text)
    assert f"{admin.username} asked to start the migration again, with the policy “must finish”." in said(old)
    assert text in said(old)
    assert f"instead of migration {old.pk}" in said(new)
    scene.script(running.guest)
    assert scene.run(new).state == State.DONE


def test_two_users_and_a_double_click_start_one(
    scene: Scene, decides: Any, operator: Any, admin: Any, must_finish: str
) -> None:
    decides(waits)
    running = Running(scene)
    scene.fleet["kvm-a"].fail("abort", Refused("not now", code=55), times=10)
    first = order_by_name(running.row, "restart", by=operator, value=must_finish)
    assert order_by_name(running.row, "restart", by=operator, value=must_finish) == first
    assert order_by_name(running.row, "restart", by=admin, value=must_finish) == first
    Policies.objects.create(**{**Policies.objects.values().get(), "id": None, "name": "gentle"})
    with pytest.raises(NotOffered, match="olga asked to start the migration again, with the policy “must finish”"):
        order_by_name(running.row, "restart", by=admin, value="gentle")
    running.worker.join(10)
    restarted(running)
    assert f"{admin.username} asked to start it again with the policy “must finish”, too." in said(running.row)


@pytest.mark.parametrize("cancel_first", [False, True])
def test_a_cancel_counts_more(
    cancel_first: bool, scene: Scene, decides: Any, operator: Any, admin: Any, must_finish: str
) -> None:
    decides(waits)
    running = Running(scene)
    scene.fleet["kvm-a"].fail("abort", Refused("not now", code=55), times=10)
    if cancel_first:
        cancel_migration(running.row, by=operator)
    order = order_by_name(running.row, "restart", by=admin, value=must_finish)
    if not cancel_first:
        cancel_migration(running.row, by=operator)
    running.worker.join(10)
    assert (fresh(running.row).state, Migration.objects.count()) == (State.CANCELLED, 1)
    order.refresh_from_db()
    assert (order.state, order.text) == ("refused", "The migration was cancelled, so it was not started again.")


@pytest.mark.parametrize(
    ("move", "state", "text"),
    [
        ({"too_late": True}, State.DONE, "Too late: the VM has arrived."),
        (
            {"too_late": True, "ending": Ending.SPLIT},
            State.NEEDS_ATTENTION,
            "It is not known where the VM runs, so the migration was not started again.",
        ),
    ],
)
def test_nothing_starts_when_it_ends_otherwise(
    move: dict[str, Any], state: State, text: str, scene: Scene, decides: Any, operator: Any, must_finish: str
) -> None:
    decides(waits)
    running = Running(scene, **move)
    order = order_by_name(running.row, "restart", by=operator, value=must_finish)
    eventually(lambda: ("abort", "kvm-a") in running.calls("abort"))
    assert running.end().state == state
    order.refresh_from_db()
    assert (order.state, order.text, Migration.objects.count()) == ("refused", text, 1)


def test_a_policy_that_is_gone_starts_nothing(scene: Scene, decides: Any, operator: Any, must_finish: str) -> None:
    decides(waits)
    running = Running(scene)
    scene.fleet["kvm-a"].fail("abort", Refused("not now", code=55), times=10)
    order = order_by_name(running.row, "restart", by=operator, value=must_finish)
    Policies.objects.filter(name=must_finish).update(name="another")
    running.worker.join(10)
    order.refresh_from_db()
    assert (fresh(running.row).state, order.state, Migration.objects.count()) == (State.CANCELLED, "refused", 1)
    assert order.text.startswith("There is no policy “must finish” any more")


@pytest.mark.parametrize("value", [None, "", 5, "unheard of"])
def test_a_restart_needs_a_policy_that_there_is(value: Any, scene: Scene, operator: Any) -> None:
    row = scene.request(scene.add_guest())
    with pytest.raises(RequestRefused) as refused:
        order_by_name(row, "restart", by=operator, value=value)
    assert refused.value.field == "value"


def test_who_may_not_migrate_starts_nothing_again(
    scene: Scene, decides: Any, operator: Any, viewer: Any, must_finish: str
) -> None:
    decides(waits)
    running = Running(scene)
    with pytest.raises(PermissionDenied):
        order_by_name(running.row, "restart", by=viewer, value=must_finish)
    Migration.objects.filter(pk=running.row.pk).update(options={**running.row.options, "unsafe": True})
    with pytest.raises(PermissionDenied):
        order_by_name(fresh(running.row), "restart", by=operator, value=must_finish)
    assert not running.row.orders.exists()
    running.end()


def test_a_method_without_a_policy_does_not_offer_it(scene: Scene, operator: Any, must_finish: str) -> None:
    row = scene.request(scene.add_guest(), kind=Kind.SUSPENDED)
    with pytest.raises(NotOffered, match="no policy"):
        order_by_name(row, "restart", by=operator, value=must_finish)


STEPS = {
    "taken": (steering.Steering, "act"),
    "told": (steering, "steer"),
    "over": (ending.Ending, "follow"),
    "in the last transaction": (restarts, "_by_order"),
    "queued": (restarts, "enqueue"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_ends_at_any_step_leads_to_one_new_migration(
    step: str, scene: Scene, decides: Any, operator: Any, must_finish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decides(waits)
    running = Running(scene)
    with monkeypatch.context() as patched:
        kill(patched, *STEPS[step])
        order_by_name(running.row, "restart", by=operator, value=must_finish)
        running.dies()
    assert Migration.objects.count() == 1
    assert scene.adopt(running.row).state == State.CANCELLED
    restarted(running)
    assert scene.adopt(running.row).state == State.CANCELLED
    assert Migration.objects.count() == 2


def test_a_policy_starts_again_with_a_vm_that_is_slowed_down(scene: Scene, decides: Any, operator: Any) -> None:
    decides(once(Act.RESTART))
    running = Running(scene, replace(GENTLE, last_resort=LastResort.THROTTLE))
    running.worker.join(10)
    new = restarted(running)
    assert fresh(running.row).state == State.CANCELLED
    assert (new.requested_by, new.request.options.auto_converge, new.track_data.throttled) == (operator, True, True)
    assert new.policy_data == running.policy
    decides(waits)
    scene.script(running.guest)
    done = scene.run(new)
    assert (done.state, done.track_data.throttled) == (State.DONE, True)


# --- the start ----------------------------------------------------------------------------------------------------------


def finished(scene: Scene, *, needed: int | None, allowed: int, downtime: int, **changes: Any) -> None:
    row = scene.run(scene.request(scene.add_guest(f"vm-{Migration.objects.count()}")))
    told = {**row.progress, "needed_downtime_ms": needed, "allowed_downtime_ms": allowed}
    Migration.objects.filter(pk=row.pk).update(progress=told, downtime_ms=downtime, **changes)


def begun(scene: Scene) -> Track:
    guest = scene.add_guest()
    row = scene.request(guest)
    GuestConsent.objects.create(guest_id=row.guest_id, slow="never", pause="always", post_copy="if_needed")
    Migration.objects.filter(pk=row.pk).update(policy=GENTLE.as_json())
    return scene.run(row).track_data


def test_the_owners_consent_is_kept_with_the_migration(scene: Scene) -> None:
    track = begun(scene)
    assert (track.consents.slow, track.consents.pause) == (Consent.NEVER, Consent.ALWAYS)
    assert track.extra_ms == 0


def test_it_learns_how_much_longer_the_pause_is_between_these_hosts(scene: Scene) -> None:
    finished(scene, needed=100, allowed=300, downtime=150)
    finished(scene, needed=900, allowed=300, downtime=370)
    finished(scene, needed=100, allowed=300, downtime=20)
    finished(scene, needed=None, allowed=300, downtime=9000)
    finished(scene, needed=1, allowed=300, downtime=9000, suspended=True)
    assert begun(scene).extra_ms == 50


@pytest.mark.parametrize(("policy", "slow", "throttled"), [
    (GENTLE, "if_needed", False), (GENTLE, "always", True), (MUST_FINISH, "if_needed", True),
    (MUST_FINISH, "never", False), (replace(MUST_FINISH, shadow=True), "if_needed", False),
])  # fmt: skip
def test_what_the_policy_sets_at_the_start_is_in_the_call(
    policy: Policy, slow: str, throttled: bool, scene: Scene
) -> None:
    row = scene.request(scene.add_guest())
    GuestConsent.objects.create(guest_id=row.guest_id, slow=slow, pause="if_needed", post_copy="if_needed")
    Migration.objects.filter(pk=row.pk).update(policy=policy.as_json())
    done = scene.run(row)
    (call,) = [call.arguments[0] for call in scene.fleet.calls if call.method == "migrate"]
    assert (Flag.AUTO_CONVERGE in call.flags, done.track_data.throttled) == (throttled, throttled)
    assert done.request.options.auto_converge is False


def test_the_downtime_of_the_request_counts(scene: Scene) -> None:
    row = scene.request(scene.add_guest(), max_downtime_ms=700)
    Migration.objects.filter(pk=row.pk).update(policy=GENTLE.as_json())
    scene.run(row)
    told = [call.arguments[1] for call in scene.fleet.calls if call.method == "set_limit"]
    assert told == [LimitDowntime(700)]


def test_what_was_needed_is_kept_at_the_end(scene: Scene) -> None:
    guest = scene.add_guest()
    scene.script(guest, jobs=[job(900, iteration=1), job(500, iteration=2)], pace=0.1)
    done = scene.run(scene.request(guest))
    assert (done.state, done.progress["needed_downtime_ms"]) == (State.DONE, 500)
