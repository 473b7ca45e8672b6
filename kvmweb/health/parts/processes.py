"""The processes of serve, by their heartbeats; a task cluster by the tasks that it begins and ends."""

from __future__ import annotations

from collections.abc import Iterator

from kvmweb.health.row import Row, State, age, graded
from kvmweb.serve import busy, pulse
from kvmweb.serve.canary import SILENT_SECONDS, workers_of
from kvmweb.serve.supervisor import CLUSTERS

#: they report about once a second
_LATE_SECONDS = 10.0
#: a canary comes every 10 s
_LATE_TASK_SECONDS = 25.0


def rows() -> Iterator[Row]:
    for name in ("serve", "web", "watcher"):
        yield reporting(f"Process {name}", pulse.age(pulse.file(name)))
    for name in CLUSTERS:
        silent = pulse.age(busy.pulse(name))
        yield working(f"Workers {name}", silent, busy=len(busy.workers(name)), workers=workers_of(name))


def reporting(name: str, silent: float | None) -> Row:
    state = graded(silent, warning=_LATE_SECONDS, bad=pulse.SILENT_SECONDS)
    return Row(name, state, _said(state, silent, "It reported {} ago.", "It has not reported for {}."))


def working(name: str, silent: float | None, *, busy: int, workers: int) -> Row:
    """With all workers at work no test task can run."""
    if silent is not None and busy >= workers:
        return Row(name, State.WELL, f"All {workers} workers are at work.")
    state = graded(silent, warning=_LATE_TASK_SECONDS, bad=SILENT_SECONDS)
    text = _said(state, silent, "It ran a task {} ago.", "It has run no task for {}.")
    return Row(name, state, f"{text} {busy} of {workers} workers are at work.")


def _said(state: State, silent: float | None, well: str, late: str) -> str:
    if silent is None:
        return "It has not reported yet, or does not run."
    if state is State.UNKNOWN:
        return "Its last report is from the future: the clock of this machine was set back."
    return (well if state is State.WELL else late).format(age(silent))
