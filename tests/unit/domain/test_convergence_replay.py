"""Real migrations of the lab, recorded by `make record`, as a policy would have seen them. Nobody heard its decisions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench.scenarios import FORESEEN, SCENARIOS
from hosts.facts.guest import JobKind, JobStats
from migrations_app.domain.convergence.action import Act, Action
from migrations_app.domain.convergence.decide import decide
from migrations_app.domain.convergence.policy import (
    BUILT_IN,
    MUST_FINISH,
    Consent,
    Consents,
    LastResort,
    Policy,
)
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.lifecycle import State
from migrations_app.domain.progress import Progress, advance, refine, standing_still

FOLDER = Path(__file__).resolve().parents[2] / "data" / "runs"
#: those of the forecast are too short for a policy to act
RUNS = sorted({scenario.name for scenario in SCENARIOS if not scenario.twin_of} - {one.name for one in FORESEEN})
every_run = pytest.mark.parametrize("name", RUNS)
#: as quick as the recorded runs are short
QUICK = replace(MUST_FINISH, name="quick", last_resort=LastResort.ABORT)
THROTTLE = replace(QUICK, name="throttle", last_resort=LastResort.THROTTLE)
CUT_MS = 20_000
#: about as long as a pass of the stalled runs
PASS_MS = 3500
POLICIES = (*BUILT_IN, QUICK, THROTTLE)

CONVERGING = (
    "idle-unshaped",
    "idle",
    "idle-large",
    "idle-slow-link",
    "idle-slower",
    "busy-unshaped",
    "busy-0.3",
    "busy-0.8",
    "busy-0.8-cut",
    "busy-1.5-compressed",
    "bursty-long",
    "idle-cut",
)
STALLED = ("busy-1.5", "busy-3")


@cache
def recorded(name: str) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return run


@cache
def looks(name: str) -> tuple[Progress, ...]:
    return tuple(_looks(recorded(name)["samples"]))


def _looks(samples: list[dict[str, Any]]) -> Iterator[Progress]:
    last = None
    for sample in samples:
        stats = JobStats(kind=JobKind.MIGRATION_OUT, **sample)
        last = advance(last, stats, refine(State.COPYING_MEMORY, stats), allowed_downtime_ms=100)
        yield standing_still(last, (last.elapsed_ms or 0) - (last.moved_at_ms or 0))


def replay(policy: Policy, name: str) -> list[tuple[int, Action]]:
    return decided(policy, looks(name))


def decided(policy: Policy, run: Iterable[Progress], track: Track | None = None) -> list[tuple[int, Action]]:
    track, made = track or Track(), []
    for progress in run:
        track, actions = decide(policy, track, progress)
        made += [(progress.elapsed_ms or 0, action) for action in actions]
    return made


def acts(policy: Policy, name: str) -> list[Act]:
    return [action.act for _, action in replay(policy, name)]


@pytest.mark.parametrize("name", CONVERGING)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_a_migration_that_converges_is_left_alone(name: str, policy: Policy) -> None:
    assert recorded(name)["about"]["ended"] == "done"
    assert acts(policy, name) == []


@pytest.mark.parametrize("name", STALLED)
def test_a_stalled_one_climbs_the_ladder_to_its_last_resort(name: str) -> None:
    assert acts(QUICK, name) == [Act.RAISE] * 5 + [Act.ABORT]
    assert acts(THROTTLE, name) == [Act.RAISE] * 5 + [Act.RESTART]
    finishing = acts(MUST_FINISH, name)
    assert finishing[:2] == [Act.RAISE, Act.FINISH]
    assert set(finishing[2:]) <= {Act.FINISH, Act.SUSPEND}


def test_a_small_set_of_memory_gets_the_one_rung_that_helps() -> None:
    (_, first), *_ = replay(QUICK, "busy-3-small-set")
    assert first.downtime_ms == 500


def test_what_is_needed_is_what_the_pause_took() -> None:
    """Somebody allowed 6 s, and libvirt switched over; what the path had still in its buffers came on top."""
    _, last = replay(QUICK, "busy-3-more-downtime")[-1]
    took = recorded("busy-3-more-downtime")["about"]["downtime_ms"]
    assert abs((last.numbers["needed_ms"] or 0) - took) < took / 6


def test_it_is_not_given_up_while_qemu_slows_the_vm_down_further() -> None:
    assert looks("busy-1.5-throttled")[-1].throttle_percent == 99
    track = Track(throttled=True, consents=Consents(pause=Consent.NEVER))
    given = decided(MUST_FINISH, looks("busy-1.5-throttled"), track)
    assert {action.act for _, action in given} == {Act.RAISE}


@pytest.mark.parametrize("name", STALLED)
def test_a_cut_at_any_time_only_takes_its_time(name: str) -> None:
    """20 s without a byte are put into a recorded run."""
    samples = recorded(name)["samples"]
    plain = replay(QUICK, name)
    for at in range(1, len(samples), 5):
        before, since = samples[at - 1], samples[at - 1]["elapsed_ms"]
        silent = [{**before, "elapsed_ms": since + ms} for ms in range(500, CUT_MS, 500)]
        after = [{**sample, "elapsed_ms": sample["elapsed_ms"] + CUT_MS} for sample in samples[at:]]
        cut = decided(QUICK, tuple(_looks([*samples[:at], *silent, *after])))
        assert [action.act for _, action in cut] == [action.act for _, action in plain]
        for (when, _), (usual, _) in zip(cut, plain, strict=True):
            assert not since + 1000 <= when <= since + CUT_MS
            late = when - usual - (CUT_MS if when > since + CUT_MS else 0)
            assert -PASS_MS / 2 < late < 2 * PASS_MS


@every_run
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_nothing_is_done_while_no_data_arrives(name: str, policy: Policy) -> None:
    """After a cut, TCP needs some seconds until it tries again: these count as well."""
    silent = {look.elapsed_ms for look in looks(name) if (look.elapsed_ms or 0) - (look.moved_at_ms or 0) >= 1000}
    assert bool(silent) is any(
        change["what"] == "link" and not change["value"] for change in recorded(name)["about"]["changes"]
    )
    assert not silent & {at for at, _ in replay(policy, name)}


@every_run
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_an_adopter_goes_on_from_the_stored_track(name: str, policy: Policy) -> None:
    """The worker is another one at every look."""
    stored = json.dumps(Track().as_json())
    made = []
    for progress in looks(name):
        track, actions = decide(policy, Track.from_json(json.loads(stored)), progress)
        stored = json.dumps(track.as_json())
        made += [(progress.elapsed_ms or 0, action) for action in actions]
    assert made == replay(policy, name)
