"""Two runs of pytest that end in one line: the first hands on what its tests came to, the second counts that as well.
A plugin (`-p`, see pyproject.toml); scripts/test.sh has the runs."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

#: a run in which something failed is the last one
HANDED_ON = ("passed", "skipped", "xfailed", "xpassed")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stages")
    group.addoption("--hand-on", type=Path, metavar="FILE", help="write what the tests came to into this file")
    group.addoption("--after", type=Path, metavar="FILE", help="add what an earlier run handed on to the summary")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    stats = terminalreporter.stats
    if file := config.getoption("--after"):
        for category, reports in pickle.loads(file.read_bytes()).items():
            stats.setdefault(category, []).extend(reports)
    if file := config.getoption("--hand-on"):
        file.write_bytes(pickle.dumps({name: [_alone(report) for report in stats.get(name, ())] for name in HANDED_ON}))


def _alone(report: pytest.TestReport) -> pytest.TestReport:
    """Without the worker that it came from, whose connection cannot be written down."""
    vars(report).pop("node", None)
    return report
