"""Properties of every policy, every consent and every run, also one that no link and no VM would make."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from migrations_app.domain.convergence.action import Act, Action
from migrations_app.domain.convergence.decide import decide
from migrations_app.domain.convergence.passes import MOST_LOWS
from migrations_app.domain.convergence.policy import Consent, Consents, LastResort, Policy
from migrations_app.domain.convergence.resort import deadline_ms
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.pause import LONGEST_MS
from migrations_app.domain.progress import Phase, Progress

MIB = 1024 * 1024
ENDS = {Act.ABORT, Act.RESTART, Act.SUSPEND, Act.POST_COPY}
PAUSES = {Act.FINISH, Act.SUSPEND}
Run = list[tuple[int, int | None, int | None, dict[str, Any]]]

policies = st.builds(
    Policy,
    name=st.just("any"),
    start_downtime_ms=st.integers(1, 300),
    ladder_ms=st.lists(st.integers(1, 3000), max_size=6, unique=True).map(lambda rungs: tuple(sorted(rungs))),
    stall_window_s=st.integers(1, 60),
    patience_s=st.integers(0, 60),
    deadline_s_per_gib=st.sampled_from([1, 60, 800]),
    deadline_max_s=st.sampled_from([60, 86_400]),
    last_resort=st.sampled_from(LastResort),
    shadow=st.booleans(),
)
any_consent = st.sampled_from(Consent)
consents = st.builds(Consents, slow=any_consent, pause=any_consent, post_copy=any_consent)
tracks = st.builds(
    Track,
    consents=consents,
    throttled=st.booleans(),
    post_copy=st.booleans(),
    extra_ms=st.sampled_from([0, 30, 1000]),
)
rates = st.sampled_from([100 * MIB, 90 * MIB, 110 * MIB])
#: milliseconds since the last look, what a new pass has left, the rate, and what else is seen at it
looks = st.tuples(
    st.sampled_from([0, 500, 500, 5000, 20_000]),
    st.none() | st.sampled_from([0, 5 * MIB, 38 * MIB, 100 * MIB]) | st.integers(0, 10**12),
    st.one_of(rates, rates, rates, st.none() | st.integers(0, 10**10)),
    st.sampled_from([{}, {}, {}, {"no_data_ms": 4000}, {"moved_at_ms": 0}, {"phase": Phase.DISKS}, {"dirty_bps": 0}]),
)
#: the same few passes again and again: such a run stalls
stalls = st.builds(
    lambda lefts, rate, times: [(5000, left, rate, {}) for left in lefts] * times,
    st.lists(st.sampled_from([5 * MIB, 38 * MIB, 39 * MIB, 400 * MIB]), min_size=1, max_size=3),
    rates,
    st.integers(5, 30),
)
some = st.lists(looks, max_size=12)
runs = st.builds(lambda before, same, after: [*before, *same, *after], some, stalls, some)
any_run = settings(max_examples=200, deadline=None)


def seen(policy: Policy, run: Run) -> list[Progress]:
    now = Progress(
        phase=Phase.MEMORY,
        elapsed_ms=0,
        iteration=1,
        total_bytes=1024 * MIB,
        remaining_bytes=1024 * MIB,
        dirty_bps=300 * MIB,
        allowed_downtime_ms=policy.start_downtime_ms,
    )
    made = []
    for ms, left, rate, more in run:
        elapsed = (now.elapsed_ms or 0) + ms
        now = replace(now, elapsed_ms=elapsed, rate_bps=rate, moved_at_ms=elapsed)
        if left is not None and ms:
            now = replace(
                now,
                iteration=(now.iteration or 0) + 1,
                pass_at_ms=elapsed,
                pass_remaining_bytes=left,
                remaining_bytes=left,
            )
        made.append(replace(now, **more))
    return made


def decided(policy: Policy, track: Track, run: Iterable[Progress]) -> list[tuple[Progress, Track, Action]]:
    """Each action, with the look and the track after it."""
    made = []
    for progress in run:
        track, actions = decide(policy, track, progress)
        assert len(actions) <= 1
        assert len(track.lows) <= MOST_LOWS
        made += [(progress, track, action) for action in actions]
    return made


@any_run
@given(policy=policies, track=tracks, run=runs)
def test_what_is_allowed_never_falls(policy: Policy, track: Track, run: Run) -> None:
    most = 0
    for progress, _, action in decided(policy, track, seen(policy, run)):
        assert (action.downtime_ms is None) is (action.act not in (Act.RAISE, Act.FINISH))
        if action.downtime_ms is not None:
            assert most < action.downtime_ms <= LONGEST_MS or action.act is Act.FINISH
            assert max(most, progress.allowed_downtime_ms or 0) <= action.downtime_ms
            assert action.act is Act.FINISH or action.downtime_ms in policy.ladder_ms
            most = action.downtime_ms


@any_run
@given(policy=policies, track=tracks, run=runs)
def test_nothing_before_the_first_pass_or_without_a_network(policy: Policy, track: Track, run: Run) -> None:
    for progress, after, _ in decided(policy, track, seen(policy, run)):
        assert progress.phase is Phase.MEMORY
        assert progress.pass_at_ms is not None
        assert progress.no_data_ms is None
        assert progress.rate_bps
        assert min(progress.rate_bps, after.rate_bps or 0) * 2 >= (after.best_rate_bps or 0)
        assert (progress.elapsed_ms or 0) - (progress.moved_at_ms or 0) < 1000


@any_run
@given(
    policy=policies,
    track=tracks,
    shares=st.lists(st.tuples(st.sampled_from([500, 5000, 60_000]), st.integers(1, 95)), min_size=5, max_size=60),
    rate=rates,
)
def test_a_run_that_comes_closer_has_time_until_the_deadline(
    policy: Policy, track: Track, shares: list[tuple[int, int]], rate: int
) -> None:
    left = 10**12
    run: Run = []
    for ms, percent in shares:
        left = left * percent // 100
        run.append((ms, left, rate, {}))
    for progress, _, action in decided(policy, track, seen(policy, run)):
        assert action.act is not Act.RAISE
        assert (progress.elapsed_ms or 0) >= deadline_ms(policy, progress)


@any_run
@given(policy=policies, track=tracks, run=runs)
def test_only_what_policy_and_owners_allow(policy: Policy, track: Track, run: Run) -> None:
    acts = {action.act for _, _, action in decided(policy, track, seen(policy, run))}
    if policy.last_resort is not LastResort.FINISH or track.consents.pause is Consent.NEVER:
        assert not acts & PAUSES
    else:
        assert Act.ABORT not in acts
    if policy.last_resort is not LastResort.THROTTLE or track.throttled or track.consents.slow is Consent.NEVER:
        assert Act.RESTART not in acts
    if not track.post_copy or track.consents.post_copy is Consent.NEVER:
        assert Act.POST_COPY not in acts


@any_run
@given(policy=policies, track=tracks, run=runs)
def test_nothing_follows_the_last_resort_but_itself(policy: Policy, track: Track, run: Run) -> None:
    acts = [action.act for _, _, action in decided(policy, track, seen(policy, run))]
    last = next((at for at, act in enumerate(acts) if act is not Act.RAISE), len(acts))
    assert acts[last:] in ([], *([act] for act in ENDS), *([Act.FINISH] * n for n in (1, 2))) or (
        acts[-1] is Act.SUSPEND and set(acts[last:-1]) == {Act.FINISH} and len(acts[last:]) <= 3
    )


@any_run
@given(policy=policies, track=tracks, run=runs)
def test_an_adopter_decides_the_same(policy: Policy, track: Track, run: Run) -> None:
    made = seen(policy, run)
    stored = track
    for progress in made:
        track, actions = decide(policy, track, progress)
        stored, again = decide(
            Policy.from_json(json.loads(json.dumps(policy.as_json()))),
            Track.from_json(json.loads(json.dumps(stored.as_json()))),
            Progress.from_json(json.loads(json.dumps(progress.as_json()))),
        )
        assert (stored, again) == (track, actions)


@any_run
@given(policy=policies, track=tracks, run=runs)
def test_a_look_that_is_repeated_decides_nothing_new(policy: Policy, track: Track, run: Run) -> None:
    for progress in seen(policy, run):
        track, _ = decide(policy, track, progress)
        again, actions = decide(policy, track, progress)
        assert actions == ()
        assert again == track


@any_run
@given(policy=policies, track=tracks, run=runs)
def test_shadow_mode_decides_the_same(policy: Policy, track: Track, run: Run) -> None:
    made = seen(policy, run)
    real = [action for _, _, action in decided(replace(policy, shadow=False), track, made)]
    shadow = [action for _, _, action in decided(replace(policy, shadow=True), track, made)]
    assert shadow == real[: len(shadow)]
    assert len([action for action in shadow if action.act is not Act.RAISE]) == bool(
        [action for action in real if action.act is not Act.RAISE]
    )


@any_run
@given(policy=policies, track=tracks, run=runs)
def test_every_decision_is_a_sentence(policy: Policy, track: Track, run: Run) -> None:
    for _, _, action in decided(policy, track, seen(policy, run)):
        assert action.text[0].isupper()
        assert action.text.endswith(".")
        assert "None" not in action.text
        assert "  " not in action.text
        assert len(action.text) < 250
        assert json.loads(json.dumps(action.numbers)) == action.numbers
