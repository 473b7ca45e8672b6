"""What a policy decides, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from migrations_app.domain.convergence.action import Act
from migrations_app.domain.convergence.decide import decide
from migrations_app.domain.convergence.policy import (
    BUILT_IN,
    GENTLE,
    LARGE_VM,
    MUST_FINISH,
    POST_COPY,
    Consent,
    Consents,
    LastResort,
    Policy,
)
from migrations_app.domain.convergence.start import start_options
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.options import Options
from migrations_app.domain.pause import LONGEST_MS
from migrations_app.domain.progress import Phase
from tests.unit.domain.running import GIB, MIB, RATE, Running

THROTTLE = Policy(name="throttle", last_resort=LastResort.THROTTLE)
NO_PAUSE = Consents(pause=Consent.NEVER)
#: takes 4 s: no rung helps
FAR = 400 * MIB
#: the highest rung of gentle is enough
NEAR = 45 * MIB


def stalled(policy: Policy = GENTLE, left: int = FAR, *, track: Track | None = None, **fields: Any) -> Running:
    """The moment at which passes are seen to stall: nothing has been decided before."""
    running = Running(policy, track or Track(), **fields)
    running.run(20)
    while running.track.stalled_at_ms is None and not running.decided:
        running.new_pass(left, seconds=0.5)
        running.run(3.5 if running.track.stalled_at_ms is None and not running.decided else 0)
    return running


def go_on(running: Running, seconds: float, left: int = FAR) -> Running:
    for _ in range(int(seconds / 4)):
        running.new_pass(left)
    return running


def test_gentle_climbs_its_ladder_and_gives_up_soon_after() -> None:
    running = go_on(stalled(), 120)
    assert running.acts == [Act.RAISE] * 5 + [Act.ABORT]
    assert running.downtimes == [150, 200, 300, 400, 500, None]
    began, ended = running.decided[0][0], running.decided[-1][0]
    assert 40_000 <= began - 20_000 <= 45_000
    assert ended - began <= (GENTLE.stall_window_s + GENTLE.patience_s) * 1000


def test_must_finish_ends_with_a_longer_downtime() -> None:
    running = go_on(stalled(MUST_FINISH), 8)
    assert running.acts == [Act.RAISE, Act.FINISH]
    assert running.downtimes[0] == MUST_FINISH.top_ms  # no shorter rung would help
    assert running.last.downtime_ms == 5000  # 4 s and a quarter more
    assert running.decided[-1][0] - running.decided[0][0] <= 2 * MUST_FINISH.patience_s * 1000


def test_a_sentence_has_the_numbers() -> None:
    running = stalled(left=18 * MIB)
    assert running.last.text == (
        "Allowed downtime raised from 100 to 200 ms: for 40 s no pass has come closer to the end."
        " The 18 MiB left take about 180 ms at 100 MiB/s."
    )
    assert running.last.numbers == {
        "remaining_bytes": 18 * MIB,
        "pass_remaining_bytes": 18 * MIB,
        "rate_bps": RATE,
        "dirty_bps": 2 * RATE,
        "needed_ms": 180,
        "extra_ms": 0,
        "allowed_ms": 100,
        "pass": running.now.iteration,
        "elapsed_ms": running.now.elapsed_ms,
    }


def test_a_converging_migration_is_left_alone() -> None:
    running = Running(GENTLE)
    running.run(20)
    running.passes(*(int(FAR * 0.9**n) for n in range(40)))
    assert running.acts == []


def test_dirty_rate_above_the_rate_alone_does_nothing() -> None:
    running = Running(GENTLE, dirty=10 * RATE)
    running.run(600)
    assert running.acts == []
    running.passes(*(int(FAR * 0.9**n) for n in range(20)))
    assert running.acts == []


def test_nothing_is_judged_before_a_stall_window_of_passes_is_over() -> None:
    running = Running(GENTLE)
    running.run(20)
    running.passes(*[FAR] * 10)
    assert running.acts == []


def test_what_is_left_within_a_pass_is_not_trusted() -> None:
    running = Running(GENTLE)
    running.run(20)
    running.new_pass(FAR)
    running.run(300, remaining_bytes=FAR)
    assert running.acts == []


def test_the_rung_that_helps_is_taken_at_once() -> None:
    assert stalled(left=38 * MIB).downtimes == [400]
    assert stalled(LARGE_VM, left=120 * MIB).downtimes == [1500]


def test_a_rung_that_should_do_gets_a_pass() -> None:
    running = stalled(left=38 * MIB)
    running.run(60)  # a long one: longer than the patience
    assert running.downtimes == [400]
    running.new_pass(39 * MIB)  # libvirt should have ended it
    assert running.downtimes == [400, 500]


@pytest.mark.parametrize(("percent", "stalls"), [(96, False), (97, True)])
def test_four_percent_less_is_progress(percent: int, stalls: bool) -> None:
    running = Running(GENTLE)
    running.run(20)
    running.passes(*[FAR] * 10, FAR * percent // 100)
    assert (running.track.stalled_at_ms is not None) is stalls


def test_what_fits_is_left_to_libvirt_for_the_patience() -> None:
    running = stalled(left=9 * MIB)
    since = running.track.stalled_at_ms or 0
    assert running.acts == []
    go_on(running, 36, left=9 * MIB)
    assert running.acts == []
    go_on(running, 8, left=9 * MIB)
    assert running.downtimes == [150]
    assert running.track.acted_at_ms == since + GENTLE.patience_s * 1000


def test_it_waits_for_a_local_minimum_and_each_time_half_as_long() -> None:
    running = Running(GENTLE)
    running.run(20)
    running.passes(NEAR, *[2 * NEAR] * 19)
    assert running.acts == []
    running.passes(*(int(2 * NEAR * 1.1**n) for n in range(30)))
    times = [at for at, _ in running.decided]
    assert [later - sooner for sooner, later in pairwise(times)] == [20_000, 10_000, 5000, 5000, 40_000]


def test_what_had_to_do_once_is_good_enough() -> None:
    running = Running(GENTLE)
    running.run(20)
    running.passes(NEAR, *[2 * NEAR] * 20)
    assert len(running.acts) == 1
    running.passes(3 * NEAR, int(2.05 * NEAR))
    assert len(running.acts) == 2
    assert running.track.relaxed == 1


def test_a_local_minimum_is_used_at_once() -> None:
    running = Running(GENTLE)
    running.run(20)
    running.passes(NEAR, *[2 * NEAR] * 11, int(NEAR * 1.03))
    assert running.downtimes == [500]


def test_no_local_minimum_is_awaited_that_no_rung_is_enough_for() -> None:
    running = Running(GENTLE)
    running.run(20)
    running.passes(FAR, *[2 * FAR] * 20)
    assert running.downtimes == [150, 200, 300, 400, 500]


def test_better_passes_begin_anew() -> None:
    running = go_on(stalled(), 40)
    assert running.downtimes == [150, 200, 300, 400, 500]
    running.passes(*(int(FAR * 0.9**n) for n in range(1, 15)))
    assert running.acts == [Act.RAISE] * 5
    assert running.track.stalled_at_ms is None


def test_the_policy_goes_on_from_what_a_person_allowed() -> None:
    running = Running(GENTLE)
    running.now = replace(running.now, allowed_downtime_ms=320)
    running.run(20)
    go_on(running, 60)
    assert running.downtimes == [400, 500]
    more = Running(GENTLE)
    more.now = replace(more.now, allowed_downtime_ms=3000)
    more.run(20)
    go_on(more, 100)
    assert more.acts == [Act.ABORT]


@pytest.mark.parametrize("shown", [{"rate_bps": 0}, {"rate_bps": None}, {"no_data_ms": 4000}, {"rate_bps": RATE // 5}])
def test_nothing_is_done_while_the_network_is_down(shown: dict[str, int | None]) -> None:
    running = go_on(stalled(), 40)
    assert len(running.acts) == 5
    running.run(60 if shown.get("rate_bps") != RATE // 5 else 30, **shown)
    assert len(running.acts) == 5


def test_a_cut_link_is_noticed_before_libvirt_says_so() -> None:
    running = go_on(stalled(), 40)
    stopped = running.now.elapsed_ms
    running.run(60, moved_at_ms=stopped)
    assert len(running.acts) == 5


def test_time_without_a_network_does_not_count() -> None:
    plain, cut = go_on(stalled(), 40), go_on(stalled(), 40)
    cut.run(60, rate_bps=0, no_data_ms=4000)
    go_on(plain, 60)
    go_on(cut, 60)
    assert plain.acts == cut.acts == [Act.RAISE] * 5 + [Act.ABORT]
    assert cut.decided[-1][0] - plain.decided[-1][0] == 60_000


def test_a_pass_in_which_the_network_was_down_says_nothing() -> None:
    running = Running(GENTLE)
    running.run(20)
    running.passes(*[FAR // 2] * 10)
    newest = running.track.newest
    running.run(10, rate_bps=0)
    running.new_pass(FAR)
    assert running.track.newest == newest
    running.new_pass(FAR // 2)
    assert running.track.newest != newest


def test_a_limited_link_becomes_the_usual_one() -> None:
    running = Running(GENTLE)
    running.run(20)
    running.passes(*[FAR] * 9)
    running.rate = RATE // 8
    running.passes(*[FAR] * 6)
    assert running.acts == []
    running.passes(*[FAR] * 90)
    assert running.acts == [Act.RAISE] * 5 + [Act.ABORT]


def test_the_rate_is_smoothed() -> None:
    running = Running(GENTLE)
    running.look()
    running.look(rate_bps=2 * RATE)
    assert running.track.rate_bps == RATE * 14 // 10
    running.look(rate_bps=0)
    running.look(rate_bps=None)
    assert running.track.rate_bps == RATE * 14 // 10


def test_what_pauses_took_longer_before_counts() -> None:
    assert stalled(left=18 * MIB, track=Track(extra_ms=100)).downtimes == [300]


def test_the_deadline() -> None:
    policy = replace(GENTLE, deadline_s_per_gib=30)
    for total, limit, said in ((GIB // 4, 60_000, "60 s"), (4 * GIB, 120_000, "2 min")):
        running = Running(policy, total=total)
        running.run(20)
        running.passes(*(int(FAR * 0.9**n) for n in range(40)))
        assert running.acts == [Act.ABORT]
        assert limit <= running.decided[0][0] < limit + 1000
        assert f"the policy's deadline of {said} is over" in running.last.text
    short = Running(replace(policy, deadline_max_s=40), total=4 * GIB)
    short.run(20)
    short.passes(*(int(FAR * 0.9**n) for n in range(40)))
    assert 40_000 <= short.decided[0][0] < 41_000


def test_what_is_about_to_end_is_not_stopped_at_the_deadline() -> None:
    policy = replace(GENTLE, deadline_s_per_gib=30)
    running = Running(policy, dirty=RATE // 2)
    running.run(20)
    running.passes(*(int(MIB * 100 * 0.95**n) for n in range(12)))
    assert 60_000 < (running.now.elapsed_ms or 0) < 70_000
    assert running.acts == []
    running.passes(*(int(MIB * 60 * 0.95**n) for n in range(12)))
    assert running.acts == [Act.ABORT]
    assert running.decided[0][0] > 100_000


def test_without_a_dirty_rate_nothing_is_about_to_end() -> None:
    running = Running(replace(GENTLE, deadline_s_per_gib=30), dirty=None)
    running.run(20)
    running.passes(*(int(MIB * 100 * 0.9**n) for n in range(12)))
    assert running.acts == [Act.ABORT]


def test_giving_up_is_said_once() -> None:
    assert go_on(stalled(), 600).acts.count(Act.ABORT) == 1


def test_finish_twice_then_the_vm_is_paused() -> None:
    running = go_on(stalled(MUST_FINISH, deaf=True), 200)
    assert running.acts == [Act.RAISE, Act.FINISH, Act.FINISH, Act.SUSPEND]
    assert running.downtimes[-3:] == [5000, 10_000, None]
    assert running.last.text == (
        "VM paused until the rest is copied: it has not ended although 10,000 ms are allowed."
        " The 400 MiB left take about 4,000 ms at 100 MiB/s."
    )


def test_a_pause_that_libvirt_does_not_allow_is_made_by_hand() -> None:
    running = go_on(stalled(MUST_FINISH, left=LONGEST_MS // 10 * MIB), 40, left=LONGEST_MS // 10 * MIB)
    assert running.acts == [Act.RAISE, Act.SUSPEND]
    assert "libvirt does not allow a downtime that is long enough" in running.last.text


def test_throttle_starts_again_once() -> None:
    assert go_on(stalled(THROTTLE), 600).acts == [Act.RAISE] * 5 + [Act.RESTART]
    assert go_on(stalled(THROTTLE, track=Track(throttled=True)), 600).acts == [Act.RAISE] * 5 + [Act.ABORT]


def test_it_does_not_give_up_while_qemu_slows_the_vm_down_further() -> None:
    def slower(policy: Policy, track: Track) -> Running:
        running = stalled(policy, track=track)
        for percent in range(20, 100, 10):
            running.now = replace(running.now, throttle_percent=percent)
            running.passes(*[FAR] * 2)
        return running

    throttled = Track(throttled=True)
    for policy, track in ((THROTTLE, throttled), (MUST_FINISH, replace(throttled, consents=NO_PAUSE))):
        running = slower(policy, track)
        assert set(running.acts) == {Act.RAISE}
        assert go_on(running, 12).acts[-1] is Act.ABORT
    assert slower(MUST_FINISH, throttled).acts[:2] == [Act.RAISE, Act.FINISH]


def test_post_copy_where_it_was_allowed_at_the_start() -> None:
    running = go_on(stalled(POST_COPY, track=Track(post_copy=True)), 200)
    assert running.acts == [Act.RAISE, Act.RAISE, Act.POST_COPY]
    assert running.last.text.startswith("Switched to post-copy: for ")
    given_up = go_on(stalled(POST_COPY), 200)
    assert given_up.acts == [Act.RAISE, Act.RAISE, Act.ABORT]
    assert given_up.last.text.endswith("This migration could not begin with post-copy allowed.")


def test_owners_and_post_copy() -> None:
    never = Track(post_copy=True, consents=Consents(post_copy=Consent.NEVER))
    running = go_on(stalled(POST_COPY, track=never), 200)
    assert running.acts[-1] is Act.ABORT
    assert running.last.text.endswith("The VM's owners do not allow post-copy.")
    always = Track(post_copy=True, consents=Consents(post_copy=Consent.ALWAYS))
    slow = replace(POST_COPY, patience_s=100)
    at_once, patient = (go_on(stalled(slow, track=track), 400) for track in (always, Track(post_copy=True)))
    assert at_once.acts[-1] is patient.acts[-1] is Act.POST_COPY
    assert at_once.decided[-1][0] < patient.decided[-1][0]


def test_owners_who_do_not_allow_a_pause() -> None:
    running = go_on(stalled(MUST_FINISH, track=Track(consents=NO_PAUSE)), 200)
    assert running.acts == [Act.RAISE, Act.ABORT]
    assert running.last.text.endswith("The VM's owners do not allow a longer pause.")


def test_owners_who_always_allow_a_pause() -> None:
    running = go_on(stalled(MUST_FINISH, track=Track(consents=Consents(pause=Consent.ALWAYS))), 4)
    assert running.acts == [Act.RAISE, Act.FINISH]
    assert running.decided[-1][0] - running.decided[-2][0] <= 4000  # a pass
    assert go_on(stalled(track=Track(consents=Consents(pause=Consent.ALWAYS))), 600).acts[-1] is Act.ABORT


def test_owners_who_do_not_allow_throttling() -> None:
    running = go_on(stalled(THROTTLE, track=Track(consents=Consents(slow=Consent.NEVER))), 600)
    assert running.acts == [Act.RAISE] * 5 + [Act.ABORT]
    assert running.last.text.endswith("The VM's owners do not allow it to be slowed down.")


def test_shadow_mode_decides_the_same_once() -> None:
    for policy in (*BUILT_IN, THROTTLE):
        real = go_on(stalled(policy), 200)
        shadow = go_on(stalled(replace(policy, shadow=True), deaf=True), 200)
        assert [action.text for _, action in shadow.decided] == [
            action.text for _, action in real.decided[: len(shadow.decided)]
        ]
        last_resorts = [[act for act in one.acts if act is not Act.RAISE] for one in (shadow, real)]
        assert last_resorts[0] == last_resorts[1][:1]


def test_nothing_is_decided_outside_of_copying_memory() -> None:
    running = go_on(stalled(), 40)
    for phase in set(Phase) - {Phase.MEMORY}:
        assert decide(GENTLE, running.track, replace(running.now, phase=phase)) == (running.track, ())


def test_an_older_track_is_read() -> None:
    assert Track.from_json({}) == Track()
    assert Track.from_json({"consents": {"pause": "never"}, "passes": [], "topped_at_ms": 5}) == Track(
        consents=NO_PAUSE
    )


def test_few_passes_are_kept() -> None:
    running = Running(replace(GENTLE, stall_window_s=3600))
    running.run(20)
    running.passes(*range(2 * FAR, FAR, -MIB), seconds=0.5)
    assert len(running.track.lows) == 64
    assert running.track.lows[-1].remaining_bytes == FAR + MIB


STARTS = [
    (GENTLE, Consents(), False),
    (GENTLE, Consents(slow=Consent.ALWAYS), True),
    (MUST_FINISH, Consents(), True),
    (MUST_FINISH, Consents(slow=Consent.NEVER), False),
    (replace(MUST_FINISH, shadow=True), Consents(slow=Consent.ALWAYS), False),
    (THROTTLE, Consents(), False),
]


@pytest.mark.parametrize(("policy", "consents", "throttled"), STARTS)
def test_who_starts_throttled(policy: Policy, consents: Consents, throttled: bool) -> None:
    start = start_options(policy, consents, Options())
    assert start.throttled is start.options.auto_converge is throttled


def test_it_starts_again_throttled_if_it_may() -> None:
    assert start_options(THROTTLE, Consents(), Options(), again=True).throttled
    assert not start_options(THROTTLE, Consents(slow=Consent.NEVER), Options(), again=True).throttled


def test_what_a_person_chose_stays() -> None:
    off = start_options(MUST_FINISH, Consents(), Options(auto_converge=False), chosen=("auto_converge",))
    assert not off.throttled
    on = start_options(GENTLE, Consents(slow=Consent.NEVER), Options(auto_converge=True, max_downtime_ms=42))
    assert on.throttled
    assert on.options == Options(auto_converge=True, max_downtime_ms=42)


def test_the_first_allowed_downtime() -> None:
    assert start_options(LARGE_VM, Consents(), Options()).options == Options(max_downtime_ms=300)
    assert start_options(replace(LARGE_VM, shadow=True), Consents(), Options()).options == Options()
