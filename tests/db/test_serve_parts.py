"""The parts of serve one by one: leftovers, canaries, what a signal does to a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.db import OperationalError, transaction
from django.utils import timezone
from django_q.models import OrmQ, Task

from kvmweb import queue
from kvmweb.serve import busy, canary, sessions
from kvmweb.serve.children import Child
from kvmweb.serve.supervisor import release_queue
from tests.db.served import wait

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Processes that lead sessions, ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(command: list[str] = SLEEP, **environment: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(command, env=os.environ | environment, start_new_session=True))
        return started[-1]

    yield run
    for process in started:
        sessions.end_session(process.pid)
        process.wait()


def _register(folder: Path, mark: str = "a later serve") -> sessions.Register:
    return sessions.Register(folder / "sessions.json", mark)


class TestLeftovers:
    def test_what_an_earlier_serve_started_is_ended(self, tmp_path: Path, start: Any) -> None:
        mine = start(**{sessions.MARK: "an earlier one"})
        _register(tmp_path, "an earlier one").add(mine.pid)
        assert _register(tmp_path).end_leftovers() == 1
        assert mine.wait(5) == -signal.SIGKILL

    def test_orphans_of_an_ended_leader_too(self, tmp_path: Path, start: Any) -> None:
        leader = start(["sh", "-c", "sleep 60 & sleep 0.5"], **{sessions.MARK: "an earlier one"})
        _register(tmp_path, "an earlier one").add(leader.pid)
        leader.wait(5)
        (orphan,) = sessions.members(leader.pid)
        assert _register(tmp_path).end_leftovers() == 1
        wait(lambda: sessions.read(orphan.pid) is None or not sessions.members(leader.pid), 5)

    def test_a_process_without_the_mark_is_not_ours(self, tmp_path: Path, start: Any) -> None:
        theirs = start()
        _register(tmp_path, "an earlier one").add(theirs.pid)
        assert _register(tmp_path).end_leftovers() == 0
        assert theirs.poll() is None

    @pytest.mark.parametrize("change", [{"boot": "another"}, {"sessions": "started later"}])
    def test_numbers_of_another_boot_or_given_out_again(self, tmp_path: Path, start: Any, change: Any) -> None:
        theirs = start(**{sessions.MARK: "an earlier one"})
        _register(tmp_path, "an earlier one").add(theirs.pid)
        record = json.loads((tmp_path / "sessions.json").read_text())
        if "sessions" in change:
            change = {"sessions": {str(theirs.pid): record["sessions"][str(theirs.pid)] - 1}}
        (tmp_path / "sessions.json").write_text(json.dumps(record | change))
        assert _register(tmp_path).end_leftovers() == 0
        assert theirs.poll() is None

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"sessions": 3}', "\0"])
    def test_a_damaged_file_is_as_good_as_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "sessions.json").write_text(text)
        assert _register(tmp_path).end_leftovers() == 0


def _nothing() -> None: ...


class TestChild:
    @pytest.fixture
    def register(self, tmp_path: Path) -> sessions.Register:
        return _register(tmp_path)

    def test_what_ends_at_once_is_started_less_and_less_often(self, register: sessions.Register) -> None:
        child = Child("restless", lambda: sys.exit(1), register, let_go=_nothing)
        starts = set()
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            child.keep()
            starts.add(child.started)
            time.sleep(0.02)
        child.end()
        assert 3 <= len(starts) <= 5

    def test_it_waits_for_what_comes_before(self, register: sessions.Register) -> None:
        answers = [False]
        child = Child("patient", lambda: time.sleep(60), register, let_go=_nothing, before=lambda: answers[0])
        child.keep()
        assert child.pid is None
        answers[0] = True
        wait(lambda: child.keep() or child.pid is not None, 5)
        child.end()

    def test_one_that_does_not_hear_is_ended(self, register: sessions.Register) -> None:
        def deaf() -> None:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)

        child = Child("deaf", deaf, register, let_go=_nothing)
        child.keep()
        pid = child.pid
        assert pid is not None
        time.sleep(0.5)
        child.ask_to_stop()
        time.sleep(0.2)
        assert not child.stopped()
        child.end()
        assert child.stopped()
        assert sessions.members(pid) == []


@pytest.mark.django_db
class TestCanary:
    @pytest.fixture(autouse=True)
    def _quiet(self) -> None:
        busy.pulse("kvmweb").unlink(missing_ok=True)

    def _canary(self) -> canary.Canary:
        return canary.Canary("kvmweb", every=0.1, silent=0.4)

    def _look_for(self, bird: canary.Canary, seconds: float) -> bool:
        until = time.monotonic() + seconds
        well = True
        while time.monotonic() < until:
            well = bird.look(0.0)
            time.sleep(0.05)
        return well

    def test_silence_is_noticed(self) -> None:
        assert not self._look_for(self._canary(), 0.8)
        assert OrmQ.objects.filter(key="kvmweb").exists()

    def test_any_task_counts(self) -> None:
        bird = self._canary()
        for _ in range(4):
            busy.pulse("kvmweb").parent.mkdir(exist_ok=True)
            busy.pulse("kvmweb").touch()
            assert self._look_for(bird, 0.2)

    def test_a_cluster_that_has_just_started_gets_its_time(self) -> None:
        bird = self._canary()
        time.sleep(0.5)
        assert bird.look(time.monotonic())

    def test_a_busy_cluster_is_not_stuck(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(busy, "workers", lambda cluster: list(range(settings.Q_CLUSTER["workers"])))
        assert self._look_for(self._canary(), 0.8)

    def test_a_busy_database_says_nothing_about_the_cluster(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def locked(*_: Any, **__: Any) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr(canary, "enqueue", locked)
        monkeypatch.setattr(canary.connection, "close", lambda: None)
        assert self._look_for(self._canary(), 0.8)


def test_workers_at_work_are_seen_from_outside(start: Any) -> None:
    busy.task_begins()
    try:
        assert busy.at_work()
        assert busy.workers("kvmweb") == [os.getpid()]
        (busy.pulse("kvmweb").parent / "busy-kvmweb" / "1").write_text("7")  # killed long ago, number given out again
        assert busy.workers("kvmweb") == [os.getpid()]
    finally:
        busy.task_ends()
    assert busy.workers("kvmweb") == []
    assert busy.pulse("kvmweb").exists()


_WORKER = """
import os, signal, sys, time
import django; django.setup()
from kvmweb import queue
from kvmweb.serve import busy
queue.in_worker()
if sys.argv[1] == "busy":
    busy.task_begins()
try:
    print("ready", flush=True)
    time.sleep(20)
except queue.Detached:
    print("detached", flush=True)
    time.sleep(1)  # letting go; a second signal must not interrupt it
    print("let go", flush=True)
"""


@pytest.mark.parametrize(("state", "says"), [("busy", "detached\nlet go\n"), ("idle", "")])
def test_a_worker_detaches_once_and_only_when_it_has_something_to_let_go(state: str, says: str) -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "kvmweb.settings"}
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER, state],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        cwd=settings.BASE_DIR,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    for _ in range(3):
        worker.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    if state == "idle":
        assert worker.poll() is None
        worker.kill()
    assert worker.communicate(timeout=10)[0] == says


@pytest.mark.django_db
@pytest.mark.dual
def test_a_started_cluster_gets_what_a_dead_one_had_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kvmweb.serve.supervisor.connection.close", lambda: None)
    for key in ("migrations", "kvmweb"):
        OrmQ.objects.create(key=key, payload="", lock=timezone.now() + timedelta(days=31))
    assert release_queue("migrations")
    assert OrmQ.objects.get(key="migrations").lock <= timezone.now()
    assert OrmQ.objects.get(key="kvmweb").lock > timezone.now()


@pytest.mark.django_db
@pytest.mark.dual
def test_a_task_goes_to_the_named_cluster_with_the_transaction() -> None:
    with transaction.atomic():
        queue.enqueue("migrations_app.tasks.run_migration", 17, cluster="migrations")
        transaction.set_rollback(True)
    assert not OrmQ.objects.exists()
    queue.enqueue("migrations_app.tasks.run_migration", 17, cluster="migrations")
    queue.enqueue("migrations_app.tasks.run_preflight", 18)
    assert list(OrmQ.objects.order_by("id").values_list("key", flat=True)) == ["migrations", "kvmweb"]


@pytest.mark.django_db
@pytest.mark.dual
def test_what_failed_tasks_said_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    for name, age in (("old", 2 * queue.FAILURES_KEPT), ("young", queue.FAILURES_KEPT / 2)):
        Task.objects.create(id=name, name=name, func="f", started=now - age, stopped=now - age, success=False)
    monkeypatch.setattr(queue, "_swept", float("-inf"))
    queue.sweep()
    assert list(Task.objects.values_list("name", flat=True)) == ["young"]


@pytest.mark.parametrize("cluster", ["kvmweb", "migrations"])
def test_retry_not_above_timeout_is_an_error(monkeypatch: pytest.MonkeyPatch, cluster: str) -> None:
    assert not run_checks()
    base = settings.Q_CLUSTER
    conf = base if cluster == "kvmweb" else base["ALT_CLUSTERS"][cluster]
    monkeypatch.setitem(conf, "retry", conf["timeout"])
    (error,) = run_checks()
    assert error.id == "kvmweb.E001"
    assert cluster in error.msg


def test_a_full_disk_does_not_end_serve(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The list of processes could not be written, and serve ended with all that it had started."""
    register = _register(tmp_path / "nowhere")
    register.add(os.getpid())
    register.remove(os.getpid())
    assert "could not be written" in caplog.text
