"""The watcher as a process: it ends when told to, and there is one per data folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kvmweb.config import BASE_DIR
from kvmweb.serve.children import die_with_parent
from tests.patience import PATIENCE


def _manage(folder: Path, *command: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("KVMWEB_")}
    environment["KVMWEB_DATA_DIR"] = str(folder)
    return subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=BASE_DIR,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=partial(die_with_parent, os.getpid()),  # also when the tests are killed
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    migrate = _manage(tmp_path, "migrate", "--skip-checks", "--verbosity", "0")
    _, said = migrate.communicate(timeout=120)
    assert migrate.returncode == 0, said
    return tmp_path


@pytest.fixture
def watchers() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def _locked(folder: Path) -> bool:
    locks = Path("/proc/locks").read_text()
    file = folder / "watcher.lock"
    return file.exists() and f":{file.stat().st_ino} " in locks


def _wait(condition: object) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_watcher_ends_soon(folder: Path, watchers: list[subprocess.Popen[str]]) -> None:
    process = _manage(folder, "watch")
    watchers.append(process)
    _wait(lambda: _locked(folder))
    time.sleep(0.5)
    assert process.poll() is None
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert time.monotonic() - started < 10


def test_a_second_watcher_waits_for_the_end_of_the_first(folder: Path, watchers: list[subprocess.Popen[str]]) -> None:
    first = _manage(folder, "watch")
    watchers.append(first)
    _wait(lambda: _locked(folder))
    second = _manage(folder, "watch")
    watchers.append(second)
    assert second.stderr is not None
    assert "another watcher runs" in second.stderr.readline()
    first.kill()
    first.wait(PATIENCE)
    _wait(lambda: _locked(folder))
    assert second.poll() is None
    second.terminate()
    assert second.wait(PATIENCE) == 0
