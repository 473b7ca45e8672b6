"""How the health page judges what it reads; what is not known is never well."""

from __future__ import annotations

import pytest

from hosts.models import Host
from kvmweb.health.parts import backups, certificate, database, disk, hosts, journal, processes, queues
from kvmweb.health.row import Row, State, graded, worst

DAY = 86_400.0
ANSWERS, AWAY, CONFIRM = Host.Contact.ANSWERS, Host.Contact.AWAY, Host.Contact.CONFIRM


@pytest.mark.parametrize(
    ("value", "state"),
    [(None, "unknown"), (-60, "unknown"), (-1, "well"), (0, "well"), (9.9, "well"), (10, "warning"), (90, "bad")],
)
def test_grades(value: float | None, state: str) -> None:
    assert graded(value, warning=10, bad=90) == state


def test_the_worst_row_counts_and_no_row_is_not_well() -> None:
    rows = [Row("", state, "") for state in (State.WELL, State.UNKNOWN, State.WARNING)]
    assert worst(rows) == State.UNKNOWN
    assert worst([*rows, Row("", State.BAD, "")]) == State.BAD
    assert worst([]) == State.UNKNOWN


@pytest.mark.parametrize(
    ("silent", "state", "text"),
    [
        (None, "unknown", "It has not reported yet, or does not run."),
        (-3600, "unknown", "Its last report is from the future: the clock of this machine was set back."),
        (0.4, "well", "It reported 1 s ago."),
        (30, "warning", "It has not reported for 30 s."),
        (100, "bad", "It has not reported for 1 min 40 s."),
    ],
)
def test_a_process(silent: float | None, state: str, text: str) -> None:
    assert processes.reporting("Process web", silent) == Row("Process web", State(state), text)


@pytest.mark.parametrize(("days", "state"), [(None, "unknown"), (7.5, "well"), (6.9, "warning"), (0.2, "warning")])
def test_a_certificate(days: float | None, state: str) -> None:
    assert certificate.valid(days).state == state


@pytest.mark.parametrize(
    ("silent", "busy", "state", "text"),
    [
        (None, 0, "unknown", "It has not reported yet, or does not run. 0 of 3 workers are at work."),
        (4, 1, "well", "It ran a task 4 s ago. 1 of 3 workers are at work."),
        (30, 1, "warning", "It has run no task for 30 s. 1 of 3 workers are at work."),
        (60, 0, "bad", "It has run no task for 1 min. 0 of 3 workers are at work."),
        (600, 3, "well", "All 3 workers are at work."),
        (None, 3, "unknown", "It has not reported yet, or does not run. 3 of 3 workers are at work."),
    ],
)
def test_a_task_cluster(silent: float | None, busy: int, state: str, text: str) -> None:
    row = processes.working("Workers kvmweb", silent, busy=busy, workers=3)
    assert row == Row("Workers kvmweb", State(state), text)


@pytest.mark.parametrize(
    ("number", "oldest", "state", "text"),
    [
        (0, None, "well", "No task waits."),
        (1, 2, "well", "1 task waits, for 2 s."),
        (4, 60, "warning", "4 tasks wait, the oldest for 1 min."),
        (4, 600, "bad", "4 tasks wait, the oldest for 10 min."),
    ],
)
def test_a_queue(number: int, oldest: float | None, state: str, text: str) -> None:
    assert queues.waits("Queue kvmweb", number, oldest) == Row("Queue kvmweb", State(state), text)


@pytest.mark.parametrize(("behind", "state"), [(None, "unknown"), (1, "well"), (10, "warning"), (60, "bad")])
def test_the_journal(behind: float | None, state: str) -> None:
    assert journal.lag(behind).state == state


def test_the_database() -> None:
    well = database.answers(2, 3 * 2**20, "")
    assert (well.state, well.text.partition(", ")[2]) == (State.WELL, "3 MiB; it answers in 2 ms.")
    assert database.answers(500, 0, "").state == State.WARNING
    assert database.answers(5000, 0, "").state == State.BAD
    assert database.answers(2, 0, "The disk is full.") == Row("Database", State.BAD, "The disk is full.")


@pytest.mark.parametrize(("free", "state"), [(2**31, "well"), (2**29, "warning"), (2**20, "bad")])
def test_disk_space(free: int, state: str) -> None:
    assert disk.space(free, 2**40).state == state


@pytest.mark.parametrize(
    ("contacts", "state", "text"),
    [
        ({}, "well", "No host is registered."),
        ({"a": ANSWERS}, "well", "kvmweb reaches the one host."),
        ({"a": ANSWERS, "b": ANSWERS}, "well", "kvmweb reaches all 2 hosts."),
        ({"a": ANSWERS, "b": AWAY}, "warning", "1 of 2 hosts cannot be used: b."),
        ({"a": AWAY}, "bad", "1 of 1 host cannot be used: a."),
        (
            {"a": ANSWERS, "b": CONFIRM},
            "unknown",
            "1 of 2 hosts are not contacted yet, or have a host key to confirm: b.",
        ),
        (dict.fromkeys("abcdefg", AWAY), "bad", "7 of 7 hosts cannot be used: a, b, c, d, e and 2 more."),
    ],
)
def test_hosts(contacts: dict[str, str], state: str, text: str) -> None:
    assert hosts.reached(contacts, watcher_silent=1) == Row("Hosts", State(state), text)


@pytest.mark.parametrize("silent", [None, 3600.0, -3600.0])
def test_of_hosts_nothing_is_known_while_the_watcher_is_silent(silent: float | None) -> None:
    assert hosts.reached({"a": ANSWERS}, watcher_silent=silent).state == State.UNKNOWN


@pytest.mark.parametrize(
    ("since", "state"), [(None, "unknown"), (-DAY, "unknown"), (DAY, "well"), (8 * DAY, "warning"), (31 * DAY, "bad")]
)
def test_the_last_backup(since: float | None, state: str) -> None:
    assert backups.backed_up(since).state == state
