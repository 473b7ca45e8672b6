"""A team with a VM on real-looking hosts, and what becomes of what it asks for."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from approvals.domain.decision import Ballot
from approvals.models import Approval
from approvals.usecases.vote import vote
from hosts.models import Guest, Host, StoragePool
from kvmweb.accounts.models import Ownership, Team
from kvmweb.journal.models import Entry
from migrations_app.models import Migration
from portal.domain.states import Wish
from portal.models import Request
from portal.usecases.ask import Asked, ask
from portal.worker.advance import advance
from tests.db.moving import Scene
from tests.fakes.guests import FakeGuest

GIB = 1024 * 1024
#: what no text for a team may contain
NAMES = ("kvm-", "192.0.2.", "198.51.100.", "/var/lib", "testvms", "libvirt")


def person(name: str, role: str, team: Team | None = None) -> User:
    user = User.objects.create_user(name)
    user.grants.create(role=role, scope=team.scope if team else "")
    return user


class Asking:
    """The scene of tests/db/moving.py, with a team that owns what is given to it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.team = Team.objects.create(name="Shop")
        self.mia, self.max, self.lea = (
            person(name, role, self.team) for name, role in (("mia", "member"), ("max", "member"), ("lea", "lead"))
        )
        Host.objects.update(memory_total_kib=8 * GIB, memory_free_kib=6 * GIB)

    def owns(self, fake: FakeGuest) -> Guest:
        """The team's from now on, with the definition as the watcher stores it."""
        guest: Guest = Guest.objects.get(pk=fake.definition.uuid)
        Ownership.objects.create(guest=guest.pk, team=self.team)
        guest.disks = [asdict(disk) for disk in fake.definition.disks]
        guest.nics = [asdict(nic) for nic in fake.definition.nics if nic.type == "network"]
        guest.details_seen_at = timezone.now()
        guest.save()
        return guest

    def pools(self, name: str, path: str, *on: str) -> None:
        now, size = timezone.now(), 100 * 1024**3
        for host in on:
            StoragePool.objects.create(
                host=self.scene.hosts[host],
                name=name,
                uuid="00000000-0000-4000-8000-000000000001",
                type="dir",
                target_path=path,
                active=True,
                autostart=True,
                capacity=size,
                allocation=0,
                available=size,
                seen_at=now,
            )

    def ask(
        self, guest: Guest, wish: Wish = Wish.AWAY, value: str = "", *, by: User | None = None, **more: Any
    ) -> Request:
        row, _ = ask(by=by or self.mia, guest=fresh_guest(guest), asked=Asked(wish=wish, value=value, **more))
        return row

    def advance(self, row: Request, *, due: bool = True) -> Request:
        """As the queue would; `due`: whatever it waits for is over."""
        if due:
            Request.objects.filter(pk=row.pk, look_at__gt=timezone.now()).update(look_at=timezone.now())
        advance(row.pk, connect=self.scene.fleet.connect)
        return fresh(row)

    def run(self, row: Request) -> Request:
        """Its migration, from the queue to its end."""
        self.scene.run(Migration.objects.get(request_of_team=row))
        return fresh(row)


def fresh(row: Request) -> Request:
    found: Request = Request.objects.select_related("migration", "team").get(pk=row.pk)
    return found


def fresh_guest(guest: Guest) -> Guest:
    found: Guest = Guest.objects.prefetch_related("sightings__host__group").get(pk=guest.pk)
    return found


def decide(row: Request, ballot: Ballot, *, by: User, comment: str = "") -> None:
    """Somebody votes, and one vote is enough."""
    approval = Approval.objects.filter(subject=f"request:{row.pk}", state="open").latest("pk")
    vote(approval, ballot, by=by, plan=approval.plan_hash, comment=comment)


def told(row: Request) -> list[str]:
    """What the team reads in the journal of its request."""
    return list(Entry.objects.filter(topic=f"request:{row.pk}").order_by("pk").values_list("text", flat=True))


def names_nothing(row: Request) -> bool:
    text = "\n".join([row.text, *told(row)])
    return not any(name in text for name in NAMES)


def in_hours(hours: float) -> Any:
    return timezone.now() + timedelta(hours=hours)
