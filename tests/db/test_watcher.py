"""What happens on a host shows in the rows: events, refreshes, errands."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from hosts.facts.guest import RunState
from hosts.facts.network import Interface, Network
from hosts.facts.storage import Pool, Volume
from hosts.gateway.port import EventKind
from hosts.models import Bridge, Errand, Guest, Host, StoragePool
from hosts.models import Network as NetworkRow
from kvmweb.journal.models import Entry, EntryKind
from tests.db.watching import (
    answers,
    ended,
    eventually,
    fresh,
    gone,
    here,
    read,
    refreshed,
    registered,
    sighting,
    watching,
)
from tests.fakes.watched_host import Fleet, new_uuid, status

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


def _pool(name: str = "testvms", **values: object) -> Pool:
    facts: dict[str, object] = {
        "name": name,
        "uuid": new_uuid(),
        "type": "netfs",
        "target_path": "/var/lib/libvirt/testvms",
        "active": True,
        "autostart": True,
        "capacity": 100,
        "allocation": 40,
        "available": 60,
        "source_hosts": ("gl.test",),
        "source_dir": "/testvms",
        "source_format": "glusterfs",
    }
    return Pool(**(facts | values))  # type: ignore[arg-type]


def _signals() -> int:
    return Entry.objects.filter(kind=EntryKind.SIGNAL, topic="inventory").count()


def test_a_registered_host_is_read_by_itself() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    guest = fake.put(status("web"))
    fake.pools.append(_pool())
    fake.networks.append(
        Network(name="lab", uuid=new_uuid(), active=True, autostart=True, bridge="virbr0", forward="nat")
    )
    fake.interfaces += [
        Interface(name="br1", active=True, is_bridge=True),
        Interface(name="eth0", active=True, is_bridge=False),
    ]
    with watching(fleet):
        eventually(answers(host))
        eventually(read(guest.uuid))
        eventually(Bridge.objects.exists)
    row = fresh(host)
    assert (str(row.host_uuid), row.hostname, row.libvirt, row.qemu) == (fake.uuid, "kvm-a", "9.0.0", "7.2.0")
    assert (row.arch, row.cpus, row.memory_total_kib, row.memory_free_kib) == (
        "x86_64",
        4,
        8_000_000,
        4_000_000,
    )
    seen = sighting(host, guest.uuid)
    assert seen is not None
    assert (seen.state, seen.persistent, seen.gone_since) == (RunState.RUNNING, True, None)
    assert seen.guest.machine == "pc-q35-7.2"
    assert StoragePool.objects.get().source == "glusterfs gl.test:/testvms"
    assert NetworkRow.objects.get().bridge == "virbr0"
    assert [bridge.name for bridge in Bridge.objects.all()] == ["br1"]


def test_an_event_changes_the_row_within_a_second() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    guest = fake.put(status("web"))
    took = []
    with watching(fleet):
        eventually(read(guest.uuid))
        for state, reason, event in (
            (RunState.SHUTOFF, "destroyed", "stopped"),
            (RunState.RUNNING, "booted", "started"),
            (RunState.SHUTOFF, "destroyed", "stopped"),
        ):
            before = _signals()
            started = time.monotonic()
            fake.put(replace(guest, state=state, reason=reason), event=event)
            eventually(lambda state=state: sighting(host, guest.uuid).state == state)  # type: ignore[misc, union-attr]
            took.append(time.monotonic() - started)
            assert _signals() > before
    assert min(took) < 1.0  # a machine that is busy with other things may make one wait


def test_defined_and_undefined_guests_come_and_go_by_event() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    with watching(fleet):
        eventually(answers(host))
        guest = fake.put(status("new", RunState.SHUTOFF, "unknown"), event="defined")
        eventually(here(host, guest.uuid))
        fake.take(guest, event="undefined")
        eventually(gone(host, guest.uuid))
        fake.put(guest, event="defined")
        eventually(here(host, guest.uuid))
    assert Guest.objects.count() == 1


def test_a_guest_that_moved_away_is_gone_although_no_undefined_event_comes() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    guest = fake.put(status("mover"))
    with watching(fleet):
        eventually(read(guest.uuid))
        fake.put(replace(guest, state=RunState.SHUTOFF, reason="migrated"), event="stopped")
        eventually(lambda: sighting(host, guest.uuid).reason == "migrated")  # type: ignore[union-attr]
        fake.take(guest)
        eventually(gone(host, guest.uuid))


def test_a_burst_of_events_is_one_read() -> None:
    fleet = Fleet()
    _host, fake = registered(fleet)
    guest = fake.put(status("busy"))
    with watching(fleet):
        eventually(read(guest.uuid))
        fake.calls.clear()
        fake.detailed.clear()
        for _ in range(200):
            fake.send(EventKind.GUEST, uuid=guest.uuid, name="busy", detail="resumed")
        eventually(lambda: fake.calls["guests"] >= 2)  # the read, and one that looks whether it settled
        time.sleep(0.5)
        assert fake.calls["guests"] == 2
        assert fake.detailed[guest.uuid] == 1


def test_a_steady_refresh_asks_two_questions() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    for number in range(20):
        fake.put(status(f"vm{number}"))
    with watching(fleet, refresh_seconds=0.4):
        eventually(lambda: Guest.objects.filter(details_seen_at__isnull=False).count() == 20)
        eventually(lambda: fake.calls["guests"] >= 2)
        time.sleep(0.1)
        fake.calls.clear()
        before = _signals()
        seen_at = fresh(host).seen_at
        time.sleep(1.5)
        calls = dict(fake.calls)
        assert set(calls) == {"guests", "memory"}
        assert 2 <= calls["guests"] <= 5
        assert fresh(host).seen_at > seen_at  # type: ignore[operator]
        assert _signals() == before


def test_definitions_are_read_once_per_new_or_changed_guest() -> None:
    fleet = Fleet()
    _host, fake = registered(fleet)
    guest = fake.put(status("web"))
    with watching(fleet, refresh_seconds=0.2):
        eventually(read(guest.uuid))
        time.sleep(0.8)
        assert fake.detailed[guest.uuid] == 1
        fake.put(replace(guest, state=RunState.SHUTOFF, reason="shutdown"))
        eventually(lambda: fake.detailed[guest.uuid] == 2)


def test_an_arriving_guest_is_shown_but_its_definition_is_not_asked_for() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    with watching(fleet):
        eventually(answers(host))
        guest = fake.put(status("mover", RunState.PAUSED, "migration"), event="started")
        eventually(here(host, guest.uuid))
        time.sleep(1.5)
        assert fake.detailed[guest.uuid] == 0
        fake.put(replace(guest, state=RunState.RUNNING, reason="migrated"), event="resumed")
        eventually(read(guest.uuid))


def test_pools_and_networks_are_read_again_on_their_events() -> None:
    fleet = Fleet()
    _host, fake = registered(fleet)
    pool = _pool()
    fake.pools.append(pool)
    with watching(fleet):
        eventually(lambda: StoragePool.objects.filter(active=True).exists())
        fake.pools[:] = [replace(pool, active=False)]
        fake.send(EventKind.POOL, uuid=pool.uuid, name=pool.name, detail="stopped")
        eventually(lambda: StoragePool.objects.filter(active=False).exists())
        fake.pools.clear()
        fake.send(EventKind.POOL, uuid=pool.uuid, name=pool.name, detail="undefined")
        eventually(lambda: StoragePool.objects.filter(gone_since__isnull=False).exists())
        fake.networks.append(Network(name="n", uuid=new_uuid(), active=True, autostart=True, bridge="b", forward=""))
        fake.send(EventKind.NETWORK, name="n", detail="started")
        eventually(lambda: NetworkRow.objects.filter(active=True).exists())


def test_a_refresh_reads_everything_again() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    guest = fake.put(status("web"))
    with watching(fleet):
        eventually(read(guest.uuid))
        fake.titles[guest.uuid] = "the web server"
        fake.pools.append(_pool())
        errand = refreshed(host)
        assert errand.error == ""
        assert Guest.objects.get().title == "the web server"
        assert StoragePool.objects.count() == 1


def test_volumes_are_listed_when_somebody_asks() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    fake.pools.append(_pool())
    fake.volumes["testvms"] = (
        Volume(
            pool="testvms",
            name="a.qcow2",
            path="/p/a.qcow2",
            type="file",
            format="qcow2",
            capacity=9,
            allocation=3,
        ),
    )
    with watching(fleet):
        eventually(StoragePool.objects.exists)
        errand = ended(Errand.objects.create(host=host, what=Errand.What.VOLUMES, pool="testvms"))
        assert errand.error == ""
        pool = StoragePool.objects.get()
        assert [volume.name for volume in pool.volumes.all()] == ["a.qcow2"]
        assert pool.volumes_seen_at is not None
        errand = ended(Errand.objects.create(host=host, what=Errand.What.VOLUMES, pool="none"))
        assert "no storage pool" in errand.error


def test_memory_that_hardly_moves_disturbs_no_page() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    with watching(fleet, refresh_seconds=0.2):
        eventually(answers(host))
        time.sleep(0.3)
        before = _signals()
        fake.free_kib -= 50_000
        time.sleep(0.5)
        assert _signals() == before
        fake.free_kib -= 50_000  # small steps add up
        eventually(lambda: fresh(host).memory_free_kib == fake.free_kib)
        assert _signals() > before


def test_a_changed_or_removed_host_is_noticed_within_a_second() -> None:
    fleet = Fleet()
    host, fake = registered(fleet)
    other = fleet.add("elsewhere.test", hostname="kvm-a", uuid=fake.uuid)
    with watching(fleet):
        eventually(answers(host))
        Host.objects.filter(pk=host.pk).update(address="elsewhere.test")
        eventually(lambda: other.connected == 1)
        Host.objects.filter(pk=host.pk).delete()
        time.sleep(1.5)
        other.put(status("later"), event="defined")
        time.sleep(0.5)
        assert not Guest.objects.filter(name="later").exists()


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "\u202e" + "ש" * 199, "a\x1b[31mb", "x" * 200],
    ids=["html", "right-to-left", "escape", "long"],
)
def test_names_are_stored_as_they_are(name: str) -> None:
    fleet = Fleet()
    _host, fake = registered(fleet)
    guest = fake.put(status(name))
    with watching(fleet):
        eventually(read(guest.uuid))
    assert Guest.objects.get().name == name


def test_a_name_longer_than_its_column_is_cut_and_odd_bytes_are_replaced() -> None:
    fleet = Fleet()
    _host, fake = registered(fleet)
    long = fake.put(status("n" * 2000))
    odd = fake.put(status("half \udcff a \0 name"))
    with watching(fleet):
        eventually(read(long.uuid))
        eventually(read(odd.uuid))
    assert Guest.objects.get(uuid=long.uuid).name == "n" * 512
    assert Guest.objects.get(uuid=odd.uuid).name == "half ? a  name"
