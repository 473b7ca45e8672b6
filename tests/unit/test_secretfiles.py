"""Secrets: one text for all who ask, for their owner's eyes only."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kvmweb import secretfiles
from kvmweb.config import BASE_DIR

ASK = "import sys, pathlib; from kvmweb.secretfiles import secret_key; print(secret_key(pathlib.Path(sys.argv[1])))"


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = secretfiles.secret_key(folder)
    assert secretfiles.secret_key(folder) == first
    assert len(first) >= 64
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["secret_key"]


def test_processes_that_ask_at_the_same_time_get_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASK, str(tmp_path)]
    asking = [subprocess.Popen(command, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate(timeout=60)[0].strip() for process in asking}
    assert len(said) == 1
    assert said == {(tmp_path / "secret_key").read_text()}


def test_whoever_is_second_takes_what_the_first_has_made(tmp_path: Path) -> None:
    """Both saw no file; the other one was faster between the look and the making."""
    path = tmp_path / "secret"

    def make() -> str:
        path.write_text("first" * 20)
        return "second" * 20

    assert secretfiles.read_or_create(path, make) == "first" * 20
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_a_damaged_secret_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("short")
    with pytest.raises(SystemExit, match="damaged"):
        secretfiles.secret_key(tmp_path)
    assert (tmp_path / "secret_key").read_text() == "short"
