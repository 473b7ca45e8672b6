"""Secrets: one text for all who ask, for their owner's eyes only."""

from __future__ import annotations

import os
import pwd
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    """Neither saw a file; the other one created it first."""
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


def test_folders_above_the_data_folder_are_made_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        secretfiles.private_folder(tmp_path / "var" / "lib" / "data")
    finally:
        os.umask(before)
    for folder in ("var", "var/lib", "var/lib/data"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700, folder


def test_nobody_else_reads_the_database_whoever_makes_it(tmp_path: Path) -> None:
    """Django opens it with the process' umask, which by default lets everybody read."""
    data = tmp_path / "var" / "data"
    hold = (
        "import django; django.setup();"
        "from django.core.management import call_command; call_command('migrate', verbosity=0);"
        "import os, stat, pathlib;"
        "print({f.name: oct(stat.S_IMODE(f.stat().st_mode)) for f in pathlib.Path(os.environ['KVMWEB_DATA_DIR'])"
        ".glob('kvmweb.sqlite3*')})"
    )
    environment = {key: value for key, value in os.environ.items() if key != "KVMWEB_DATABASE_URL"}
    environment |= {"KVMWEB_DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "kvmweb.settings"}
    command = [sys.executable, "-c", hold]
    done = subprocess.run(
        command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, umask=0o022, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "kvmweb.sqlite3-wal" in done.stdout
    assert set(re.findall("0o[0-7]+", done.stdout)) == {"0o600"}, done.stdout
    assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700


def test_a_database_of_an_earlier_release_is_closed_to_others(tmp_path: Path) -> None:
    for name in ("kvmweb.sqlite3", "kvmweb.sqlite3-wal"):
        (tmp_path / name).write_bytes(b"")
        (tmp_path / name).chmod(0o644)
    secretfiles.private_database(tmp_path / "kvmweb.sqlite3")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@contextmanager
def _nobody() -> Iterator[None]:
    """Whoever runs the tests is not root in here."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter, other than pytest's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("name", ["kvmweb.sqlite3", "kvmweb.sqlite3-wal"])
def test_a_database_that_cannot_be_written_is_one_sentence(open_folder: Path, name: str) -> None:
    database = secretfiles.private_database(open_folder / "kvmweb.sqlite3")
    database.chmod(0o666)
    file = open_folder / name
    file.touch()
    file.chmod(0o444)
    with _nobody(), pytest.raises(SystemExit, match=f"{name} cannot be written: Permission denied. ") as ended:
        secretfiles.private_database(database)
    owned = f"It belongs to {pwd.getpwuid(os.geteuid()).pw_name}, and this process runs as "
    assert (owned if os.geteuid() == 0 else "Make the file, its folder and its file system writable.") in str(
        ended.value
    )


def test_a_command_says_in_one_sentence_what_its_database_lacks(tmp_path: Path) -> None:
    environment = os.environ | {
        "KVMWEB_DATA_DIR": str(tmp_path),
        "KVMWEB_DATABASE_URL": "postgresql://x:y@127.0.0.1:1/z",
    }
    command = [sys.executable, "manage.py", "list_tokens"]
    done = subprocess.run(
        command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("kvmweb cannot reach its database, or has no permission to write to it. Details: ")
    assert "Traceback" not in done.stderr


def test_a_binary_secret_is_damaged_too(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_bytes(b"\xff" * 80)
    with pytest.raises(SystemExit, match="damaged"):
        secretfiles.secret_key(tmp_path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604])
def test_a_key_that_others_can_read_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    key = secretfiles.secret_key(tmp_path)
    (tmp_path / "secret_key").chmod(mode)
    with pytest.raises(SystemExit, match=r"can be read by other users .* Delete it and start kvmweb again"):
        secretfiles.secret_key(tmp_path)
    (tmp_path / "secret_key").chmod(0o600)
    assert secretfiles.secret_key(tmp_path) == key
