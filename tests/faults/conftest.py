"""The lab and the kvmweb of the lab tests, and the table of what every cell of the matrix came to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import Lab, TickReceiver
from tests.faults.verdict import Result
from tests.lab.conftest import fresh, kvmweb  # noqa: F401  the fixtures

_RESULTS = pytest.StashKey[list[Result]]()


@pytest.fixture
def ticks(lab: Lab) -> Iterator[TickReceiver]:
    with TickReceiver(*lab.ticks_address) as receiver:
        yield receiver


@pytest.fixture
def results(request: pytest.FixtureRequest) -> list[Result]:
    """Collects the result of each cell; printed at the end of the run."""
    return request.config.stash.setdefault(_RESULTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    results = config.stash.get(_RESULTS, [])
    if not results:
        return
    rows = [("fault", "phase", "kvmweb says", "truth", "seconds", "ok"), *(result.row for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    terminalreporter.section("faults")
    for row in rows:
        terminalreporter.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for result in results:
        for promise in result.broken:
            terminalreporter.line(f"{result.phase}, {result.fault}: {promise}")
