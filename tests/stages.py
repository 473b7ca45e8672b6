"""Several runs of pytest that end in one line: an earlier one (`--after`) and one at the same time (`--beside`) hand on
what their tests came to, and the last one counts that as well. A plugin (`-p`, see pyproject.toml); scripts/test.sh has
the runs."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

HANDED_ON = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


class Beside:
    """A run of its own at the same time. Ctrl-C does not reach it: it is told once, and tears its fixtures down."""

    def __init__(self, paths: Sequence[str]) -> None:
        from kvmweb.serve.children import die_with_parent

        self._folder = tempfile.TemporaryDirectory(prefix="kvmweb-beside-")
        self.handed_on, self._output = (Path(self._folder.name) / name for name in ("handed-on", "output"))
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *paths, f"--hand-on={self.handed_on}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),
            )

    def end(self, *, early: bool) -> int:
        """Its exit status, when it has ended by itself, or early."""
        if early:
            self._process.terminate()
        try:
            return self._process.wait()
        except KeyboardInterrupt:
            self._process.terminate()
            self._process.wait()
            return pytest.ExitCode.INTERRUPTED

    def text(self) -> str:
        return self._output.read_text(errors="replace")


BESIDE = pytest.StashKey[Beside]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stages")
    group.addoption("--hand-on", type=Path, metavar="FILE", help="write what the tests came to into this file")
    group.addoption("--after", type=Path, metavar="FILE", help="add what an earlier run handed on to the summary")
    group.addoption(
        "--beside",
        action="append",
        metavar="PATH",
        help="run the tests there too, at the same time in a process of their own",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    paths = session.config.getoption("--beside")
    if paths and not session.testsfailed and not session.config.option.collectonly:
        session.config.stash[BESIDE] = Beside(paths)


@pytest.hookimpl(tryfirst=True)  # before the summary
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if beside := session.config.stash.get(BESIDE, None):
        status = beside.end(early=exitstatus == pytest.ExitCode.INTERRUPTED)
        session.exitstatus = session.exitstatus or status


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    stats = terminalreporter.stats
    files = [file] if (file := config.getoption("--after")) else []
    if beside := config.stash.get(BESIDE, None):
        terminalreporter.section("at the same time")
        terminalreporter.write(beside.text())
        files += [beside.handed_on] if beside.handed_on.exists() else []
    for file in files:
        for category, reports in pickle.loads(file.read_bytes()).items():
            stats.setdefault(category, []).extend(reports)
    if file := config.getoption("--hand-on"):
        file.write_bytes(pickle.dumps({name: [_alone(report) for report in stats.get(name, ())] for name in HANDED_ON}))


def _alone(report: pytest.TestReport) -> pytest.TestReport:
    """Without the worker that it came from, whose connection cannot be written down."""
    vars(report).pop("node", None)
    return report
