"""A backup made while kvmweb runs, and a restore from start to end: what comes back serves, and lets the same in."""

from __future__ import annotations

import gzip
import http.cookiejar
import io
import json
import sqlite3
import stat
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.db.served import Served
from tests.postgres import postgres

pytestmark = pytest.mark.timeout(300)
PASSWORD = "a-long-password"
SCENE = "from tests.web import seed; seed.scene()"
#: what there is, row by row, but for what every start adds
CONTENT = (
    "import json; from django.apps import apps; from django.core import serializers as s;"
    "skipped = ('django_q.ormq', 'journal.entry');"
    "models = [m for m in apps.get_models() if m._meta.label_lower not in skipped];"
    "print(json.dumps([s.serialize('json', m._base_manager.order_by('pk')) for m in models]))"
)


def _install(served: Served) -> str:
    """Returns a token of anna's."""
    for command, text in (("migrate -v0", ""), ("create_user anna --role admin --password-stdin", PASSWORD)):
        done = _manage(served, *command.split(), text=text)
        assert done.returncode == 0, done.stderr
    assert _manage(served, "shell", "-v0", "-c", SCENE).returncode == 0
    return _manage(served, "create_token", "anna").stdout.strip()


def _manage(served: Served, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=Path(__file__).parents[2],
        env=served.environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _content(served: Served) -> str:
    done = _manage(served, "shell", "-v0", "-c", CONTENT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _logs_in(served: Served) -> bool:
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = f"http://127.0.0.1:{served.port}/accounts/login/"
    browser.open(page, timeout=20)
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = f"login=anna&password={PASSWORD}&csrfmiddlewaretoken={token}".encode()
    answer = browser.open(urllib.request.Request(page, data=form), timeout=20)
    return str(answer.url).endswith(f":{served.port}/") and b"kvm-a" in answer.read()


def _hosts(served: Served, token: str) -> list[str]:
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{served.port}/api/v1/hosts", headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return [host["name"] for host in json.load(answer)["items"]]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[list[Served]]:
    """Those that a test may have started."""
    all_: list[Served] = []
    yield all_
    for served in all_:
        if served.process is not None and served.process.poll() is None:
            served.stop()


def _served(folder: Path, **environment: str) -> Served:
    folder.mkdir()
    served = Served(folder)
    served.environment = served.environment | environment
    return served


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Served, Path]:
    """An installation, and a backup of it."""
    folder = tmp_path_factory.mktemp("backup")
    served = _served(folder / "one")
    _install(served)
    assert _manage(served, "ssh_key").returncode == 0
    file = folder / "kvmweb.backup"
    assert _manage(served, "backup", str(file)).returncode == 0
    return served, file


def test_a_restore_from_start_to_end(tmp_path: Path, made: list[Served]) -> None:
    old, new = _served(tmp_path / "old"), _served(tmp_path / "new")
    made += [old, new]
    token = _install(old)
    key = _manage(old, "ssh_key").stdout
    (old.folder / "pki").mkdir()
    (old.folder / "pki" / "clientkey.pem").write_text("a key")
    old.start()
    file = tmp_path / "kvmweb.backup"
    done = _manage(old, "backup", str(file))
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (old.folder / "last_backup").exists()  # for the health page
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    old.stop()

    done = _manage(new, "restore", str(file))
    assert done.returncode == 0, done.stderr
    for name in ("secret_key", "kvmweb.sqlite3", "ssh/id_ed25519", "pki/clientkey.pem"):
        assert stat.S_IMODE((new.folder / name).stat().st_mode) == 0o600, name
    assert (new.folder / "secret_key").read_text() == (old.folder / "secret_key").read_text()
    assert _manage(new, "ssh_key").stdout == key  # the hosts know it
    assert _manage(new, "collectstatic", "-v0", "--no-input").returncode == 0  # as `serve` does
    new.start()
    assert _logs_in(new)
    assert "kvm-a" in _hosts(new, token)


def test_a_restore_on_postgresql(tmp_path: Path) -> None:
    with postgres() as url:
        with psycopg.connect(url.replace("/kvmweb?", "/postgres?"), autocommit=True) as server:
            server.execute("CREATE DATABASE one")
            server.execute("CREATE DATABASE two")
        old, new = (
            _served(tmp_path / name, KVMWEB_DATABASE_URL=url.replace("/kvmweb?", f"/{name}?"))
            for name in ("one", "two")
        )
        _install(old)
        key = _manage(old, "ssh_key").stdout
        file = tmp_path / "kvmweb.backup"
        done = _manage(old, "backup", str(file))
        assert done.returncode == 0, done.stderr
        done = _manage(new, "restore", str(file))
        assert done.returncode == 0, done.stderr
        assert _content(new) == _content(old)
        assert _manage(new, "ssh_key").stdout == key
        write = "from kvmweb.journal import writer; writer.signal('x')"  # numbers go on after those that were restored
        assert _manage(new, "shell", "-v0", "-c", write).returncode == 0
        assert (
            "already has tables" in _manage(_served(tmp_path / "three", **_database(new)), "restore", str(file)).stderr
        )


def _database(served: Served) -> dict[str, str]:
    return {"KVMWEB_DATABASE_URL": served.environment["KVMWEB_DATABASE_URL"]}


def test_while_somebody_writes_it_holds_one_moment(installed: tuple[Served, Path], tmp_path: Path) -> None:
    """A transaction that is open is not in it, and does not hold it up."""
    served, _ = installed
    with sqlite3.connect(served.folder / "kvmweb.sqlite3", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE auth_user SET first_name = 'half'")
        assert _manage(served, "backup", str(tmp_path / "file")).returncode == 0
        writer.execute("ROLLBACK")
    with tarfile.open(tmp_path / "file") as tar:
        tar.extract("kvmweb.sqlite3", tmp_path)
    with sqlite3.connect(tmp_path / "kvmweb.sqlite3") as copy:
        assert copy.execute("SELECT count(*) FROM auth_user WHERE first_name = 'half'").fetchone() == (0,)
        assert copy.execute("SELECT count(*) FROM auth_user").fetchone() > (3,)


def test_nothing_is_overwritten(installed: tuple[Served, Path], tmp_path: Path) -> None:
    served, file = installed
    before = file.read_bytes()
    done = _manage(served, "backup", str(file))
    assert (done.returncode, file.read_bytes()) == (1, before)
    assert "never overwrites" in done.stderr
    done = _manage(served, "restore", str(file))
    assert done.returncode == 1
    assert "is in use" in done.stderr
    half = _served(tmp_path / "half")
    assert _manage(half, "migrate", "-v0").returncode == 0
    done = _manage(half, "restore", str(file))
    assert (done.returncode, "already has tables" in done.stderr) == (1, True)


def test_a_place_that_cannot_be_written_is_said(installed: tuple[Served, Path], tmp_path: Path) -> None:
    done = _manage(installed[0], "backup", str(tmp_path / "none" / "file"))
    assert done.returncode == 1
    assert "cannot be written: No such file or directory" in done.stderr


def _members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def _archive(file: Path, members: dict[str, bytes], *, links: tuple[str, ...] = ()) -> Path:
    with tarfile.open(file, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(info)
    return file


def _manifest(members: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    manifest = json.loads(members["manifest.json"]) | changes
    return members | {"manifest.json": json.dumps(manifest).encode()}


def test_what_is_not_as_it_was_is_refused_before_anything_is_put_in_place(
    installed: tuple[Served, Path], tmp_path: Path
) -> None:
    old, good = installed
    members = _members(good)
    assert next(iter(members)) == "manifest.json"
    known = json.loads(members["manifest.json"])
    files, evil = known["files"], {"sha256": "0" * 64}
    without = {name: content for name, content in members.items() if name != "secret_key"}
    raw = gzip.decompress(good.read_bytes())
    later = [*known["schema"], ["hosts", "9999_of_tomorrow"]]
    wrong: dict[str, tuple[bytes | Path, str]] = {
        "cut": (good.read_bytes()[:-2000], "cannot be read"),
        "text": (b"hello", "cannot be read"),
        "cut inside": (gzip.compress(raw[: len(raw) // 2]), "cannot be read"),
        "other tar": (_archive(tmp_path / "1", {"x": b"y"}), "is not a backup"),
        "changed": (
            _archive(tmp_path / "2", members | {"secret_key": b"x" * 86}),
            "the checksum of secret_key is wrong",
        ),
        "missing": (_archive(tmp_path / "3", without), "secret_key is missing"),
        "more": (_archive(tmp_path / "4", members | {"extra": b""}), "does not list: 'extra'"),
        "climbs": (_archive(tmp_path / "5", members | {"../evil": b""}), "does not list: '../evil'"),
        "listed climb": (
            _archive(tmp_path / "6", _manifest(members, files=files | {"../evil": evil}) | {"../evil": b""}),
            "does not belong in a backup",
        ),
        "listed elsewhere": (
            _archive(tmp_path / "7", _manifest(members, files=files | {"/etc/evil": evil})),
            "does not belong in a backup",
        ),
        "link": (_archive(tmp_path / "8", without, links=("secret_key",)), "does not list: 'secret_key'"),
        "format": (_archive(tmp_path / "9", _manifest(members, kvmweb_backup=2)), "has backup format 2"),
        "later": (_archive(tmp_path / "10", _manifest(members, schema=later)), "newer release"),
        "database": (_archive(tmp_path / "11", _manifest(members, database="postgresql")), "a postgresql database"),
    }
    new = _served(tmp_path / "new")
    for name, (content, sentence) in wrong.items():
        file = content if isinstance(content, Path) else tmp_path / "file"
        if isinstance(content, bytes):
            file.write_bytes(content)
        done = _manage(new, "restore", str(file))
        assert (done.returncode, sentence in done.stderr) == (1, True), (name, done.stderr)
        assert {path.name for path in new.folder.iterdir()} <= {"secret_key", *SQLITE_FILES}, name
        assert not (tmp_path / "evil").exists()
    assert _manage(new, "restore", str(good)).returncode == 0
    assert _content(new) == _content(old)


SQLITE_FILES = {"kvmweb.sqlite3", "kvmweb.sqlite3-wal", "kvmweb.sqlite3-shm"}
