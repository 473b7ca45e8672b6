"""What running guests use and their addresses: from a host into rows, and never longer than they are true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from hosts.facts.guest import GuestStatus, RunState
from hosts.facts.network import Lease
from hosts.facts.usage import GuestUsage
from hosts.models import Guest, Host, Sighting
from hosts.watcher import session, store_usage
from kvmweb.journal.models import Entry
from tests.db.watching import answers, eventually, fresh, read, refreshed, registered, sighting, watching
from tests.fakes.watched_host import Fleet, WatchedHost, status

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]

SECOND = 1_000_000_000
MAC = "52:54:00:aa:bb:cc"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SECOND_USAGE", 0.2)


@pytest.fixture
def one() -> tuple[Fleet, Host, WatchedHost, GuestStatus]:
    fleet = Fleet()
    host, fake = registered(fleet)
    guest = fake.put(status("web"))
    fake.usage[guest.uuid] = GuestUsage(uuid=guest.uuid, cpu_ns=SECOND, memory_used_kib=500)
    return fleet, host, fake, guest


def _memory(host: Host, guest: GuestStatus) -> Callable[[], int | None]:
    return lambda: (seen := sighting(host, guest.uuid)) and seen.memory_used_kib


def test_memory_arrives_at_once_and_cpu_with_the_second_reading(one: Any) -> None:
    fleet, host, fake, guest = one
    with watching(fleet):
        eventually(_memory(host, guest))
        eventually(lambda: fake.calls["usage"] >= 2)
        eventually(lambda: sighting(host, guest.uuid).cpu_percent is not None)  # type: ignore[union-attr]
    assert sighting(host, guest.uuid).cpu_percent == 0.0  # type: ignore[union-attr]


def test_one_reading_is_two_calls_however_many_guests_there_are(one: Any) -> None:
    fleet, _host, fake, _guest = one
    for number in range(30):
        more = fake.put(status(f"more-{number}"))
        fake.usage[more.uuid] = GuestUsage(uuid=more.uuid, cpu_ns=1, memory_used_kib=1)
    with watching(fleet):
        eventually(lambda: Sighting.objects.filter(memory_used_kib__isnull=False).count() == 31)
        assert fake.calls["usage"] <= 2
        assert fake.calls["leases"] <= 2


def test_numbers_end_with_the_guest_s_run_and_with_the_contact(one: Any) -> None:
    fleet, host, fake, guest = one
    with watching(fleet):
        eventually(_memory(host, guest))
        fake.put(replace(guest, state=RunState.SHUTOFF, reason="shutdown"), event="stopped")
        eventually(lambda: _memory(host, guest)() is None)
        fake.put(guest, event="started")
        eventually(lambda: sighting(host, guest.uuid).state == RunState.RUNNING)  # type: ignore[union-attr]
        refreshed(host)
        eventually(_memory(host, guest))
        fake.usage.clear()
        fake.lose()
        eventually(lambda: not answers(host)())
        seen = Sighting.objects.select_related("host").get(host=host)
        assert not seen.measured
        fake.come_back()
        eventually(answers(host))
        assert _memory(host, guest)() is None


def test_a_stuck_guest_takes_the_numbers_of_its_host_and_nothing_else(one: Any) -> None:
    fleet, host, fake, guest = one
    with watching(fleet):
        eventually(_memory(host, guest))
        fake.stuck = True
        assert refreshed(host).error == ""
        eventually(lambda: _memory(host, guest)() is None)
        assert answers(host)()


def _seen(**columns: Any) -> tuple[Host, Guest]:
    host = Host.objects.create(name="kvm-a", transport="tcp", contact=Host.Contact.ANSWERS)
    now = timezone.now()
    guest = Guest.objects.create(uuid=status().uuid, name="web", vcpus=2, memory_kib=1000, nics=[{"mac": MAC.upper()}])
    values: dict[str, Any] = {"state": RunState.RUNNING, "seen_at": now, "state_since": now}
    Sighting.objects.create(host=host, guest=guest, **(values | columns))
    return host, guest


def _store(host: Host, guest: Guest, *addresses: str, cpus: float | None = None, memory: int = 100) -> Sighting:
    usage = GuestUsage(uuid=str(guest.pk), cpu_ns=1, memory_used_kib=memory)
    leases = [Lease(mac=MAC, address=address) for address in addresses]
    store_usage.usage_seen(host.pk, [usage], {str(guest.pk): cpus}, leases, started=timezone.now())
    return Sighting.objects.get(host=host)


def test_cpu_is_a_share_of_all_vcpus() -> None:
    assert _store(*_seen(), cpus=0.5).cpu_percent == 25.0


def test_leases_are_matched_by_mac_and_what_is_no_address_is_left_out() -> None:
    seen = _store(*_seen(), "192.0.2.10", "<b>", "192.0.2.9", "2001:db8::1")
    assert [one["address"] for one in seen.addresses] == ["192.0.2.9", "192.0.2.10", "2001:db8::1"]
    assert seen.address_key == "4c0000209"


def test_a_host_that_is_not_reachable_is_not_written_to() -> None:
    host, guest = _seen()
    Host.objects.update(contact=Host.Contact.AWAY)
    assert _store(host, guest).memory_used_kib is None


def test_pages_are_told_of_changes_that_a_person_would_notice() -> None:
    host, guest = _seen()
    signals = Entry.objects.filter(topic="inventory")
    _store(host, guest, cpus=0.5)
    before = signals.count()
    _store(host, guest, cpus=0.55, memory=101)
    assert signals.count() == before
    _store(host, guest, cpus=1.0, memory=101)
    assert signals.count() == before + 1
    _store(host, guest, "192.0.2.9", cpus=1.0, memory=101)
    assert signals.count() == before + 2
    assert fresh(host).answers
    assert read(str(guest.pk))() is False
