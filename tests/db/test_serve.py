"""serve with real children: it restarts what was killed, and leaves nothing running when it stops."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.db.served import Served, wait

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Served:
    served = Served(Path(tmp_path_factory.mktemp("served")))
    done = served.manage("migrate", "-v", "0")
    assert done.returncode == 0, done.stderr
    return served


@pytest.fixture
def served(installed: Served) -> Iterator[Served]:
    """Running; started by the first test that needs it, kept for the next."""
    if installed.process is None or installed.process.poll() is not None:
        installed.start()
    return installed


@pytest.fixture(scope="module", autouse=True)
def _taken_down(installed: Served) -> Iterator[None]:
    yield
    if installed.process is not None and installed.process.poll() is None:
        installed.stop()
    for pid in installed.everything():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("name", ["web", "watch", "kvmweb", "migrations"])
def test_a_killed_child_comes_back(served: Served, name: str) -> None:
    before = served.pid(name)
    os.kill(before, signal.SIGKILL)
    served.wait_for_another(name, before, 15)
    served.wait_until_well()


def test_after_a_killed_cluster_nothing_of_it_is_left(served: Served) -> None:
    """Killed with -9, a cluster's main process leaves workers that would continue to take tasks."""
    orphans = set(served.session("migrations"))
    main = served.pid("migrations")
    assert len(orphans) > 4
    os.kill(main, signal.SIGKILL)
    wait(lambda: not orphans & set(served.everything()), 10, served.tail)
    served.wait_until_well()


def test_a_wedged_cluster_is_noticed_and_replaced(served: Served, tmp_path: Path) -> None:
    """The idle worker that reads the pipe holds the queue's lock; killed, it never gives it back."""
    main = served.pid("kvmweb")
    while served.found("kvmweb") == main:
        readers = [pid for pid in served.session("kvmweb") if "pipe" in Path(f"/proc/{pid}/wchan").read_text()]
        for pid in readers:
            os.kill(pid, signal.SIGKILL)
        try:
            wait(lambda: served.found("kvmweb") != main, 20)
        except AssertionError:
            assert readers, served.tail()
    assert "no task has run for too long" in served.tail()
    served.wait_until_well()
    served.enqueue("tests.db.sleeper.touch", tmp_path / "ran", "kvmweb")
    wait((tmp_path / "ran").exists, 10, served.tail)


def test_a_process_that_hangs_without_ending_is_replaced(served: Served) -> None:
    hanging = {name: served.pid(name) for name in ("web", "watch")}
    for pid in hanging.values():
        os.kill(pid, signal.SIGSTOP)
    for name, pid in hanging.items():
        served.wait_for_another(name, pid, 40)
    assert served.tail().count("it does not respond") == 2
    served.wait_until_well()


def test_a_worker_waits_longer_for_the_database_than_serve(served: Served, tmp_path: Path) -> None:
    """serve must hear signals; what it forks is not in a hurry."""
    said = tmp_path / "said"
    served.enqueue("tests.db.sleeper.patience", said, "kvmweb")
    wait(lambda: said.exists() and said.read_text() != "", 10, served.tail)
    assert said.read_text() == str(connection.settings_dict["OPTIONS"]["timeout"])


def test_the_health_page_sees_that_all_is_well(served: Served) -> None:
    served.wait_until_well()
    read = "import json; from kvmweb.health.report import rows; print(json.dumps({r.name: r.state for r in rows()}))"
    done = served.manage("shell", "-v0", "-c", read)
    assert done.returncode == 0, done.stderr
    unwell = {name: state for name, state in json.loads(done.stdout).items() if state != "well"}
    assert unwell.pop("Backup") == "unknown"
    assert unwell == {}


def test_the_web_process_has_no_libvirt(served: Served) -> None:
    assert "libvirt" not in Path(f"/proc/{served.pid('web')}/maps").read_text()


def test_a_second_serve_is_refused(served: Served) -> None:
    done = served.manage("serve", "--bind", "127.0.0.1:1")
    assert done.returncode == 1
    assert "already" in done.stderr


def test_secrets_are_for_their_owner_only(served: Served) -> None:
    for name in ("secret_key", "ssh", "run"):
        assert not (served.folder / name).exists() or not (served.folder / name).stat().st_mode & (
            stat.S_IRWXG | stat.S_IRWXO
        )


def test_stopping_lets_go_of_a_long_task_and_leaves_nothing(served: Served, tmp_path: Path) -> None:
    served.enqueue("tests.db.sleeper.sleep", tmp_path, "migrations")
    wait((tmp_path / "began").exists, 15, served.tail)
    assert served.stop() < 20  # what the unit in docs/operations.md allows
    assert (tmp_path / "detached").exists()
    assert not served.everything()
    assert "Traceback" not in served.tail()


def test_after_kill_9_of_serve_the_next_one_finds_a_clean_place(served: Served, tmp_path: Path) -> None:
    served.enqueue("tests.db.sleeper.sleep", tmp_path, "migrations")
    wait((tmp_path / "began").exists, 15, served.tail)
    assert served.process is not None
    orphans = {*served.session("migrations")} - {served.pid("migrations")}
    others = {served.pid("web"), served.pid("watch"), served.pid("kvmweb")}
    for pid in (served.process.pid, served.pid("migrations")):
        os.kill(pid, signal.SIGKILL)
    served.process.wait(5)
    wait(lambda: not others & set(served.everything()), 15, served.tail)
    assert orphans & set(served.everything())  # what a killed cluster leaves, still there
    served.start()
    assert not orphans & set(served.everything())
    assert "that were still running" in served.tail()
    assert served.stop() < 20  # what the unit in docs/operations.md allows


def test_pages_come_with_compressed_files(installed: Served) -> None:
    installed.start("manage.py", "serve", "--bind", f"127.0.0.1:{installed.port}")
    url = f"http://127.0.0.1:{installed.port}"
    with urllib.request.urlopen(f"{url}/accounts/login/") as page:
        files = re.findall(r'(?:href|src)="(/static/[^"#]+\.(?:css|js))', page.read().decode())
    assert files
    for file in files:
        asked = urllib.request.Request(url + file, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(asked) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(answer.read())
    installed.stop()


def test_the_first_link_is_in_a_file_and_in_no_log(installed: Served) -> None:
    installed.start("manage.py", "serve", "--bind", f"127.0.0.1:{installed.port}")
    installed.stop()
    file = installed.folder / "setup_link"
    link = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    log = (installed.folder / "log").read_text()
    assert f"The link to create the first admin is in {file}" in log
    assert link.rpartition("=")[2] not in log


def test_unapplied_schema_migrations_are_refused(tmp_path: Path) -> None:
    done = Served(tmp_path).manage("serve")
    assert done.returncode == 1
    assert "make install" in done.stderr


def test_a_queue_that_would_redeliver_is_refused(installed: Served) -> None:
    done = installed.manage("serve", KVMWEB_QUEUE_TIMEOUT_SECONDS="7200", KVMWEB_QUEUE_RETRY_SECONDS="7200")
    assert done.returncode == 1
    assert "KVMWEB_QUEUE_RETRY_SECONDS" in done.stderr


def test_a_port_that_is_taken_is_refused(installed: Served) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = installed.manage("serve", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert not installed.everything()
