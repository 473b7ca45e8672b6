"""Two hosts, a guest, and the rows that the watcher would have written about them; migrations run in the test's process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from hosts.facts.guest import Disk
from hosts.facts.storage import Pool, Qcow2, Volume
from hosts.models import Guest, Host, Sighting
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.journal.writer import migration_topic
from migrations_app.domain.kinds import Kind
from migrations_app.domain.request import make_request
from migrations_app.models import Migration
from migrations_app.usecases.request_migration import request_migration
from migrations_app.worker.adopt_migration import adopt_migration
from migrations_app.worker.run_migration import run_migration
from tests.fakes.gateway import FakeFleet, FakeHost
from tests.fakes.guests import IMAGES, FakeGuest, Move, new_guest
from tests.patience import PATIENCE

LOCAL = "/var/lib/libvirt/images"


def pool(name: str, path: str, kind: str) -> Pool:
    size = 100 * 1024**3
    return Pool(
        name=name,
        uuid="00000000-0000-4000-8000-000000000001",
        type=kind,
        target_path=path,
        active=True,
        autostart=True,
        capacity=size,
        allocation=0,
        available=size,
        source_hosts=("gl.test",) if kind == "netfs" else (),
        source_dir="/testvms" if kind == "netfs" else "",
    )


def volume(path: str, pool_name: str = "testvms") -> Volume:
    name = path.rpartition("/")[2]
    return Volume(
        pool=pool_name,
        name=name,
        path=path,
        type="file",
        format="qcow2",
        capacity=1024**3,
        allocation=1024**2,
        qcow2=Qcow2(),
    )


@dataclass
class Scene:
    """`calls_in_transaction`: what was asked of a host inside a database transaction; must stay empty."""

    operator: User
    fleet: FakeFleet = field(default_factory=lambda: FakeFleet("kvm-a", "kvm-b"))
    hosts: dict[str, Host] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("kvm-a", "kvm-b"):
            self._register(self.fleet[name])

    def add_host(self, name: str) -> Host:
        return self._register(self.fleet.add(name))

    def _register(self, fake: FakeHost) -> Host:
        fake.pools = [pool("testvms", IMAGES, "netfs"), pool("default", LOCAL, "dir")]
        now = timezone.now()
        host: Host = Host.objects.create(
            name=fake.name,
            transport="tcp",
            address=fake.address,
            migration_address=fake.address.replace("192.0.2.", "198.51.100."),
            contact=Host.Contact.ANSWERS,
            contact_since=now,
            seen_at=now,
            host_uuid=fake.uuid,
        )
        self.hosts[fake.name] = host
        return host

    def add_guest(self, name: str = "web-01", *, on: str = "kvm-a", **changes: Any) -> FakeGuest:
        """A guest with its disk on the shared pool, running on one host."""
        guest = self.fleet[on].add(new_guest(name, **changes))
        for fake in self.fleet.hosts.values():
            fake.volumes.append(volume(f"{IMAGES}/{name}.qcow2"))
        self.seen(guest, on)
        return guest

    def add_local_guest(self, name: str = "db-01", **changes: Any) -> FakeGuest:
        """A guest on kvm-a with its disk on kvm-a's own pool."""
        path = f"{LOCAL}/{name}.qcow2"
        disk = Disk(target="vda", device="disk", type="file", path=path, format="qcow2")
        guest = self.fleet["kvm-a"].add(new_guest(name, **changes))
        guest.definition = replace(guest.definition, disks=(disk,))
        self.fleet["kvm-a"].volumes.append(volume(path, "default"))
        self.seen(guest, "kvm-a")
        return guest

    def seen(self, guest: FakeGuest, on: str) -> None:
        """The rows of a guest as the watcher writes them."""
        facts, now = guest.definition, timezone.now()
        row, _ = Guest.objects.get_or_create(
            uuid=facts.uuid, defaults={"name": facts.name, "memory_kib": facts.memory_kib}
        )
        Sighting.objects.create(guest=row, host=self.hosts[on], state=guest.state, seen_at=now, state_since=now)

    def request(
        self, guest: FakeGuest, *, to: str = "kvm-b", copy: Any = None, kind: Kind | None = None, **options: Any
    ) -> Migration:
        """Without a policy: libvirt is told nothing but what a test is about."""
        kind = kind or (Kind.LIVE_STORAGE if copy else Kind.LIVE)
        if copy:
            options["copy_disks"] = copy
        request = make_request(guest=guest.definition.uuid, target=self.hosts[to].pk, kind=kind, options=options)
        row = request_migration(by=self.operator, request=request, confirm=guest.definition.name)[0]
        Migration.objects.filter(pk=row.pk).update(policy={})
        return row

    def script(self, guest: FakeGuest, **changes: Any) -> Move:
        """What the guest's next migration does."""
        move = self.fleet.moves[guest.definition.uuid] = Move(**changes)
        return move

    def run(self, migration: Migration) -> Migration:
        run_migration(migration.pk, connect=self.fleet.connect)
        return fresh(migration)

    def adopt(self, migration: Migration) -> Migration:
        adopt_migration(migration.pk, connect=self.fleet.connect)
        return fresh(migration)

    def in_background(self, work: Callable[[Migration], Migration], migration: Migration) -> threading.Thread:
        """A worker of its own; join it."""

        def run() -> None:
            try:
                work(migration)
            finally:
                connection.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def as_xml(guest: FakeGuest) -> str:
    """Its definition as a text: name and disks."""
    known = guest.definition
    disks = "".join(
        f"<disk type='file' device='{disk.device}'><driver type='{disk.format}'/><source file='{disk.path}'/>"
        f"<target dev='{disk.target}'/></disk>"
        for disk in known.disks
    )
    head = f"<name>{known.name}</name><uuid>{known.uuid}</uuid>"
    return f"<domain type='qemu'>{head}<devices>{disks}</devices></domain>"


def fresh(migration: Migration) -> Migration:
    found: Migration = Migration.objects.select_related("source", "target", "guest").get(pk=migration.pk)
    return found


def states(migration: Migration) -> list[str]:
    """All states the migration has been in, from its journal."""
    rows = Entry.objects.filter(
        topic=migration_topic(migration.pk), kind__in=[EntryKind.STATE, EntryKind.ACTION]
    ).order_by("id")
    return [row.body["state"] for row in rows if "state" in row.body]


def said(migration: Migration) -> str:
    """The journal as one text."""
    rows = Entry.objects.filter(topic=migration_topic(migration.pk)).order_by("id")
    return "\n".join(row.text for row in rows if row.text)


def eventually(true: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    until = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)
    return answer


def in_state(migration: Migration, *wanted: str) -> Callable[[], bool]:
    return lambda: fresh(migration).state in wanted
