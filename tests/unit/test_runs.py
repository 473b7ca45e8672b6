"""Recorded migrations have what a replay needs, and the recorder keeps what matters of a long one."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from bench.live import Seen
from bench.record import thinned
from bench.scenarios import SCENARIOS
from hosts.facts.guest import JobKind, JobStats
from tests.runs import FILES, load

every_run = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
ABOUT = {"memory_mib", "writes", "link_mib", "libvirt", "qemu", "ended", "duration_ms", "downtime_ms", "longest_gap_ms"}
ABOUT |= {"heard_after"}


@every_run
def test_a_recorded_run_can_be_replayed(file: Path) -> None:
    run = load(file)
    assert run.name == file.stem
    assert run.about.keys() >= ABOUT
    assert run.about["ended"] in ("done", "aborted")
    assert (run.about["downtime_ms"] is not None) == (run.about["ended"] == "done")
    assert (run.about["longest_gap_ms"] is not None) == run.about["heard_after"]
    assert file.stat().st_size < 60 * 1024
    assert len(run.looks) >= 3
    for look in run.looks:
        assert None not in (look.elapsed_ms, look.memory_total, look.memory_remaining, look.iteration), look
    for earlier, later in itertools.pairwise(run.looks):
        assert (earlier.elapsed_ms or 0) <= (later.elapsed_ms or 0)
        assert (earlier.iteration or 0) <= (later.iteration or 0)
    assert (run.looks[-1].elapsed_ms or 0) <= run.about["duration_ms"] + 1000


def test_every_recorded_run_has_a_scenario_and_they_differ() -> None:
    assert {file.stem for file in FILES} <= {scenario.name for scenario in SCENARIOS}
    runs = [load(file) for file in FILES]
    assert {run.about["writes"] for run in runs} == {"idle", "busy", "bursty", "changing"}
    assert {run.about["ended"] for run in runs} == {"done", "aborted"}
    assert {run.about["link_mib"] is None for run in runs} == {True, False}
    changed = {(change["what"], change["value"] == 0) for run in runs for change in run.about["changes"]}
    assert changed >= {("link", True), ("link", False)}


def test_thinning_keeps_the_first_look_of_each_pass_and_the_last_of_all() -> None:
    seen = [
        Seen(number / 4, JobStats(kind=JobKind.MIGRATION_OUT, iteration=1 + number // 70)) for number in range(1000)
    ]
    kept = [one.at_s * 4 for one in thinned(seen, most=10)]
    assert {float(70 * number) for number in range(15)} <= set(kept)
    assert kept[-1] == 999
    assert len(kept) <= 10 + 15 + 1
    assert thinned(seen[:5], most=10) == seen[:5]
