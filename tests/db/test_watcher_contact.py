"""Hosts that are away, silent, twice there, or another than before."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest
from django.utils import timezone

from hosts.facts.contact import ContactProblem
from hosts.facts.guest import RunState
from hosts.facts.network import Interface
from hosts.gateway.port import HostUnreachable
from hosts.models import Bridge, Errand, Guest, Host, Sighting
from hosts.watcher import store_guests, store_hosts, store_places
from hosts.watcher.host_watch import LONGEST_PAUSE, pause_after
from kvmweb.journal.models import Entry, EntryKind
from tests.db.watching import (
    answers,
    eventually,
    fresh,
    gone,
    read,
    refreshed,
    registered,
    sighting,
    watching,
)
from tests.fakes.watched_host import Fleet, details, new_uuid, status

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]

KEY = "ssh-ed25519 " + "A" * 68
OTHER_KEY = "ssh-ed25519 " + "B" * 68
PRINT = "SHA256:" + "a" * 43
OTHER_PRINT = "SHA256:" + "b" * 43


def test_a_host_that_is_away_keeps_its_rows_and_says_since_when() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    guest = fake.put(status("web"))
    with watching(fleet):
        eventually(read(guest.uuid))
        lost = timezone.now()
        fake.lose()
        eventually(lambda: fresh(host).contact == Host.Contact.AWAY)
        row = fresh(host)
        assert row.contact_since is not None
        assert abs((row.contact_since - lost).total_seconds()) < 2
        assert row.contact_text
        seen = sighting(host, guest.uuid)
        assert seen is not None
        assert (seen.state, seen.gone_since) == (RunState.RUNNING, None)
        assert seen.stale_since == seen.seen_at


def test_a_lost_host_is_read_again_when_it_comes_back() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    guest = fake.put(status("web"))
    with watching(fleet):
        eventually(read(guest.uuid))
        fake.lose()
        eventually(lambda: fresh(host).contact == Host.Contact.AWAY)
        fake.take(guest)
        fake.come_back()
        eventually(answers(host))
        eventually(gone(host, guest.uuid))
        assert fresh(host).contact_text == ""


def test_a_refresh_wakes_a_host_that_waits_for_its_next_try() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    fake.problem = ContactProblem.TIMEOUT
    with watching(fleet):
        eventually(lambda: fake.contacts >= 3)  # the next try is about four seconds away
        errand = refreshed(host, seconds=1.5)
        assert "did not answer" in errand.error
        fake.problem = None
        errand = refreshed(host, seconds=1.5)
        assert errand.error == ""
        assert fresh(host).answers


def test_a_host_that_stops_answering_in_the_middle_is_away_and_its_errand_ends() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    with watching(fleet, deadline=0.5):
        eventually(answers(host))
        fake.answering.clear()
        errand = refreshed(host, seconds=3.0)
        assert "has not answered" in errand.error
        assert fresh(host).contact == Host.Contact.AWAY
        fake.answering.set()
        eventually(answers(host))


def test_the_same_machine_under_two_names_is_refused_with_the_reason() -> None:
    fleet = Fleet()
    first, fake = registered(fleet, "kvm-a")
    with watching(fleet):
        eventually(answers(first))
        second, twin = registered(fleet, "kvm-b")
        twin.uuid = fake.uuid
        eventually(lambda: fresh(second).contact == Host.Contact.REFUSED)
        assert "same machine as kvm-a" in fresh(second).contact_text
        assert fake.uuid in fresh(second).contact_text
        assert twin.connected == 0
        assert fresh(second).host_uuid is None
        assert fresh(first).answers


def test_the_same_machine_twice_is_used_once_it_is_another() -> None:
    fleet = Fleet()
    first, fake = registered(fleet, "kvm-a")
    with watching(fleet):
        eventually(answers(first))
        second, twin = registered(fleet, "kvm-b")
        twin.uuid = fake.uuid
        eventually(lambda: fresh(second).contact == Host.Contact.REFUSED)
        twin.uuid = new_uuid()
        eventually(answers(second))


def test_another_machine_under_the_same_name_is_refused_until_the_right_one_is_back() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    guest = fake.put(status("web"))
    with watching(fleet):
        eventually(read(guest.uuid))
        old = fake.uuid
        fake.lose()
        fake.uuid = new_uuid()
        fake.guests.clear()
        fake.come_back()
        eventually(lambda: fresh(host).contact == Host.Contact.REFUSED)
        assert old in fresh(host).contact_text
        assert fake.uuid in fresh(host).contact_text
        assert not gone(host, guest.uuid)()
        assert fake.connected == 1
        fake.uuid = old
        eventually(answers(host))


@pytest.mark.parametrize("fingerprint", ["", PRINT], ids=["first use", "confirmed"])
@pytest.mark.parametrize(
    ("problem", "contact"),
    [
        (ContactProblem.AUTH, Host.Contact.DENIED),
        (ContactProblem.PERMISSION, Host.Contact.DENIED),
        (ContactProblem.STOPPED, Host.Contact.AWAY),
    ],
)
def test_a_key_that_was_kept_before_the_failure_is_known_to_the_next_try(
    problem: ContactProblem, contact: Host.Contact, fingerprint: str
) -> None:
    fleet = Fleet()
    host, fake = registered(fleet, transport="ssh", fingerprint=fingerprint)
    fake.host_key, fake.fingerprint, fake.refuses = KEY, PRINT, problem
    with watching(fleet):
        eventually(lambda: fake.contacts >= 3)  # two contacts are the first try
        eventually(lambda: fresh(host).contact == contact)
        assert (fresh(host).host_key, fresh(host).fingerprint) == (KEY, PRINT)
        fake.refuses = None
        eventually(answers(host))
    assert Entry.objects.filter(text__contains="trusted the ssh host key").count() == (0 if fingerprint else 1)


def test_who_answered_before_the_failure_is_known_to_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    opened = fake.open

    def no_connection() -> None:
        raise HostUnreachable("no connection")

    monkeypatch.setattr(fake, "open", no_connection)
    with watching(fleet):
        eventually(lambda: fresh(host).contact == Host.Contact.AWAY)
        assert str(fresh(host).host_uuid) == fake.uuid
        monkeypatch.setattr(fake, "open", opened)
        eventually(answers(host))


def test_what_the_old_address_says_is_not_kept_for_the_new_one() -> None:
    fleet = Fleet()
    host, old = registered(fleet, transport="ssh")
    old.host_key, old.fingerprint = KEY, PRINT
    new = fleet.add("new.test")
    new.host_key, new.fingerprint = OTHER_KEY, OTHER_PRINT

    def moves() -> None:
        Host.objects.filter(pk=host.pk, address=host.address).update(address="new.test")

    old.before_met = moves
    with watching(fleet):
        eventually(answers(host))
    assert (fresh(host).fingerprint, str(fresh(host).host_uuid)) == (OTHER_PRINT, new.uuid)
    old.host_key = ""  # as by TCP: who answers is learned in one step
    Host.objects.filter(pk=host.pk).update(address=host.address, host_uuid=None, host_key="", fingerprint="")
    with watching(fleet):
        eventually(lambda: str(fresh(host).host_uuid) == new.uuid)


def test_a_host_that_comes_and_goes_is_met_less_and_less_often() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    answered = []
    with watching(fleet):
        for _ in range(4):
            eventually(answers(host))
            answered.append(time.monotonic())
            fake.lose()
            eventually(lambda: not fresh(host).answers)
            fake.come_back()
    first, _, third = (later - earlier for earlier, later in pairwise(answered))
    assert third > 1.5 * first


def test_the_pauses_grow_and_end_at_ten_seconds() -> None:
    pauses = [pause_after(failures) for failures in range(1, 2000)]
    assert [round(pause) for pause in pauses[:2]] == [1, 2]
    assert all(pause > 6 for pause in pauses[3:])
    assert max(pauses) <= LONGEST_PAUSE == 10


def test_the_first_ssh_key_is_kept_and_the_journal_says_so() -> None:
    fleet = Fleet()
    host, fake = registered(fleet, transport="ssh")
    fake.host_key, fake.fingerprint = KEY, PRINT
    with watching(fleet):
        eventually(answers(host))
        time.sleep(0.8)
        assert fake.connected == 1
    assert (fresh(host).host_key, fresh(host).fingerprint) == (KEY, PRINT)
    note = Entry.objects.filter(topic=f"host:{host.pk}", kind=EntryKind.NOTE, text__contains="trusted").get()
    assert PRINT in note.text


def test_a_changed_ssh_key_waits_for_a_person() -> None:
    fleet = Fleet()
    host, fake = registered(fleet, transport="ssh", host_key=KEY, fingerprint=PRINT)
    fake.host_key, fake.fingerprint = OTHER_KEY, OTHER_PRINT
    with watching(fleet):
        eventually(lambda: fresh(host).contact == Host.Contact.CONFIRM)
        row = fresh(host)
        assert PRINT in row.contact_text
        assert OTHER_PRINT in row.contact_text
        assert (row.host_key, row.offered_fingerprint) == (KEY, OTHER_PRINT)
        assert fake.connected == 0
        Host.objects.filter(pk=host.pk).update(fingerprint=OTHER_PRINT, host_key="", offered_fingerprint="")
        eventually(answers(host))
        assert fresh(host).host_key == OTHER_KEY


def test_only_the_confirmed_fingerprint_is_accepted() -> None:
    fleet = Fleet()
    host, fake = registered(fleet, transport="ssh", fingerprint=PRINT)
    fake.host_key, fake.fingerprint = OTHER_KEY, OTHER_PRINT
    with watching(fleet):
        eventually(lambda: fresh(host).contact == Host.Contact.CONFIRM)
        assert fresh(host).host_key == ""
        assert fake.connected == 0


def test_an_errand_for_a_host_nobody_reaches_ends_with_words() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    fake.problem = ContactProblem.REFUSED
    errand = Errand.objects.create(host=host, what=Errand.What.VOLUMES, pool="p")
    with watching(fleet):
        eventually(lambda: Errand.objects.get(pk=errand.pk).done)
        assert "refused the connection" in Errand.objects.get(pk=errand.pk).error


def test_hooks_run_and_a_broken_one_stops_nothing() -> None:
    fleet = Fleet()
    host, _fake = registered(fleet)
    ran = threading.Event()

    def broken() -> None:
        raise RuntimeError("broken on purpose")

    with watching(fleet, hooks=[broken, ran.set]):
        assert ran.wait(3)
        eventually(answers(host))


def test_an_older_look_never_overwrites_a_newer_one() -> None:
    host = Host.objects.create(name="kvm-a", transport="tcp", address="a.test")
    guest = status("web")
    now = timezone.now()
    store_guests.guests_seen(host.pk, [replace(guest, state=RunState.SHUTOFF)], None, started=now)
    store_guests.guests_seen(host.pk, [guest, status("ghost")], None, started=now - timedelta(seconds=1))
    assert [row.state for row in Sighting.objects.all()] == [RunState.SHUTOFF]
    store_guests.guests_seen(host.pk, [], None, started=now - timedelta(seconds=1))
    assert not gone(host, guest.uuid)()
    store_hosts.not_usable(host.pk, Host.Contact.AWAY, "old news", started=now - timedelta(seconds=1))
    assert fresh(host).answers


def test_nor_do_older_details_pools_or_bridges() -> None:
    host = Host.objects.create(name="kvm-a", transport="tcp", address="a.test")
    guest, now = status("web"), timezone.now()
    before = now - timedelta(seconds=2)
    store_guests.guests_seen(host.pk, [guest], None, started=before)
    store_guests.details_seen(host.pk, [(replace(details(guest.uuid), snapshots=3, autostart=True), now)])
    store_guests.details_seen(host.pk, [(details(guest.uuid), before)])
    assert Sighting.objects.values_list("snapshots", "autostart").get() == (3, True)
    bridge = Interface(name="br1", is_bridge=True, active=True)
    store_places.bridges_seen(host.pk, [bridge], started=before)
    store_places.bridges_seen(host.pk, [], started=now)
    store_places.bridges_seen(host.pk, [bridge], started=now - timedelta(seconds=1))
    assert Bridge.objects.get().gone_since == now
    store_places.bridges_seen(host.pk, [bridge], started=now + timedelta(milliseconds=1))
    assert Bridge.objects.get().gone_since is None


def test_a_clock_that_was_set_back_does_not_lock_a_host_out() -> None:
    host = Host.objects.create(name="kvm-a", transport="tcp", address="a.test")
    guest = status("web")
    store_guests.guests_seen(host.pk, [guest], None, started=timezone.now() + timedelta(hours=1))
    store_guests.guests_seen(host.pk, [], None, started=timezone.now())
    assert gone(host, guest.uuid)()


def test_a_left_over_definition_does_not_describe_the_guest_that_runs_elsewhere() -> None:
    fleet = Fleet()
    _first, here_it_runs = registered(fleet, "kvm-a")
    guest = here_it_runs.put(status("web"))
    with watching(fleet):
        eventually(read(guest.uuid))
        _second, left_over = registered(fleet, "kvm-b")
        left_over.put(replace(guest, name="old-name", state=RunState.SHUTOFF, reason="unknown"))
        eventually(lambda: left_over.detailed[guest.uuid] == 1)
        time.sleep(0.3)
    assert Guest.objects.get().name == "web"


def test_a_thread_whose_host_never_answers_is_replaced_and_writes_nothing_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hosts.watcher.watcher._GIVE_UP", 0.3)
    fleet = Fleet()
    host, fake = registered(fleet)
    with watching(fleet, deadline=0.3):
        eventually(answers(host))
        fake.answering.clear()
        fake.problem = ContactProblem.TIMEOUT
        Errand.objects.create(host=host, what=Errand.What.REFRESH)
        eventually(lambda: fake.contacts == 2)
        ghost = fake.put(status("ghost"))
        fake.answering.set()
        time.sleep(0.5)
        assert not Guest.objects.filter(uuid=ghost.uuid).exists()
        assert fresh(host).contact == Host.Contact.AWAY


def test_two_watchers_by_mistake_end_with_the_same_truth() -> None:
    fleet = Fleet()
    hosts = [registered(fleet, name) for name in ("kvm-a", "kvm-b")]
    guests = [status(f"vm{number}") for number in range(10)]
    dice = random.Random(1)
    with watching(fleet), watching(fleet):
        for host, _ in hosts:
            eventually(answers(host))
        for _ in range(150):
            _, fake = dice.choice(hosts)
            guest = dice.choice(guests)
            state = dice.choice([RunState.RUNNING, RunState.PAUSED, RunState.SHUTOFF])
            if guest.uuid in fake.guests and dice.random() < 0.4:
                fake.take(guest, event="undefined")
            else:
                fake.put(replace(guest, state=state), event="changed")
            time.sleep(0.01)
        for host, fake in hosts:
            truth = {guest.uuid: guest.state for guest in fake.guests.values()}
            eventually(partial(_shows, host, truth))


def _shows(host: Host, truth: dict[str, RunState]) -> bool:
    rows = Sighting.objects.filter(host=host, gone_since=None)
    return {str(row.guest_id): row.state for row in rows} == truth
