"""Journal and log about a host: each change once, and few entries when it connects and disconnects repeatedly."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from hosts.facts.contact import ContactProblem
from hosts.models import Host
from hosts.watcher import store_guests, store_hosts
from kvmweb.journal.models import Entry, EntryKind
from tests.db.watching import eventually, fresh, registered, watching
from tests.fakes.watched_host import Fleet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


@pytest.fixture
def host() -> Host:
    made: Host = Host.objects.create(name="kvm-b", transport="tcp", address="b.test")
    return made


def answer(host: Host) -> None:
    store_guests.guests_seen(host.pk, [], None, started=timezone.now())


def lose(host: Host, contact: Host.Contact = Host.Contact.AWAY, text: str = "No route.") -> None:
    store_hosts.not_usable(host.pk, contact, text, started=timezone.now())


def notes() -> list[str]:
    return list(Entry.objects.filter(kind=EntryKind.NOTE).order_by("id").values_list("text", flat=True))


def later(minutes: float) -> None:
    """Makes the entries older."""
    for entry in Entry.objects.all():
        Entry.objects.filter(pk=entry.pk).update(created=entry.created - timedelta(minutes=minutes))


def test_each_change_is_told_once(host: Host) -> None:
    for _ in range(3):
        lose(host)
    lose(host, text="Another reason.")
    for _ in range(3):
        lose(host, Host.Contact.DENIED, "Add the key.")
    for _ in range(3):
        answer(host)
    assert notes() == [
        "kvm-b: not reachable. No route.",
        "kvm-b: login refused. Add the key.",
        "kvm-b is connected.",
    ]


def test_a_host_that_comes_and_goes_is_counted(host: Host) -> None:
    for _ in range(20):
        lose(host)
        assert fresh(host).contact == Host.Contact.AWAY
        answer(host)
        assert fresh(host).answers
    assert len(notes()) == 4
    assert notes()[-1] == (
        "kvm-b is connected again. It connects and disconnects often. From now on the journal has a summary every 10 minutes."
    )
    later(9)
    lose(host)
    answer(host)
    assert len(notes()) == 4
    later(1.1)
    answer(host)
    assert notes()[4:] == [
        "The connection to kvm-b was lost 19 times in the last 10 minutes. kvm-b is connected again."
    ]
    for _ in range(20):
        lose(host)
        answer(host)
    lose(host)
    later(10.1)
    lose(host)
    assert notes()[5:] == [
        "The connection to kvm-b was lost 21 times in the last 10 minutes. kvm-b: not reachable. No route."
    ]


def test_the_last_state_of_a_host_that_came_and_went_is_told(host: Host) -> None:
    for _ in range(2):
        lose(host)
        answer(host)
    lose(host)
    assert len(notes()) == 4
    later(10.1)
    lose(host)
    assert notes()[4:] == ["kvm-b: not reachable. No route."]
    answer(host)
    assert notes()[5:] == ["kvm-b is connected again."]


def test_the_log_has_a_line_for_a_change_and_none_for_another_try(caplog: pytest.LogCaptureFixture) -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    fake.problem = ContactProblem.TIMEOUT
    with caplog.at_level(logging.INFO, logger="hosts"), watching(fleet):
        eventually(lambda: fake.contacts >= 3)
        fake.problem = None
        eventually(lambda: fresh(host).answers)
    told = [record.getMessage() for record in caplog.records if record.name.startswith("hosts.watcher")]
    assert len(told) == 2, told
    assert told[0].startswith("kvm-a: not reachable. kvm-a.test did not answer within")
    assert told[1] == "kvm-a is connected."
