"""Two groups of hosts with everything on them. All that belongs to the southern one has a name with "qz-" in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from hosts.facts.guest import RunState
from hosts.models import Host, HostGroup
from kvmweb.accounts.models import Team
from kvmweb.accounts.permissions import Role
from kvmweb.accounts.roles import group_scope
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Policy, PolicyChoice
from tests.policies import built_in_policies
from tests.web import seed

FOREIGN = "qz-"


def person_of(name: str, **roles: HostGroup) -> Any:
    """`roles`: viewer=north, operator=south."""
    person = seed.make_person(name, None)
    for role, group in roles.items():
        person.grants.create(role=Role(role), scope=group_scope(group.pk))
    return person


def two_groups() -> dict[str, Any]:
    built_in_policies()
    made: dict[str, Any] = {"admin": seed.make_person("ada", Role.ADMIN)}
    made["north"] = _group("North", "north", 1, made["admin"], elsewhere="qz-kvm-0")
    made["south"] = _group("South", "qz", 5, made["admin"], elsewhere="north-kvm-0")
    north, south = made["north"]["group"], made["south"]["group"]
    made["nora"] = person_of("nora", operator=north)
    made["vic"] = person_of("vic", viewer=north)
    made["mo"] = person_of("mo", viewer=north, operator=south)
    return made


def _group(name: str, word: str, number: int, admin: Any, *, elsewhere: str) -> dict[str, Any]:
    """`elsewhere`: a host of the other group, which sentences name."""
    group = HostGroup.objects.create(name=name, site=f"Site {name}")
    a, b = (seed.make_host(f"{word}-kvm-{n}", number=number + n, group=group) for n in (0, 1))
    ill = seed.make_host(f"{word}-kvm-ill", number=number + 2, group=group, contact=Host.Contact.AWAY, seen_at=None)
    ill.contact_text = f"{ill.name} is the same machine as {elsewhere}."
    ill.save()
    pool = seed.make_places(a)
    seed.make_places(b)
    guests = {
        "idle": seed.make_guest(f"{word}-idle", a, memory_kib=2 * seed.GIB),
        "busy": seed.make_guest(f"{word}-busy", a),
        "waits": seed.make_guest(f"{word}-waits", b),
        "odd": seed.make_guest(f"{word}-{seed.HOSTILE}", b, title=f"{word} '\"><script>alert(2)</script>"),
        "off": seed.make_guest(f"{word}-off", b, state=RunState.SHUTOFF),
        "lost": seed.make_guest(f"{word}-lost"),
        "left": seed.make_guest(f"{word}-left", ill),
    }
    seed.see(guests["lost"], a, gone=timezone.now() - timedelta(days=1))
    findings = [{**seed.FINDINGS[1], "summary": f"{elsewhere} did not answer.", "evidence": {"host": elsewhere}}]
    error = {"cause": f"{elsewhere} has it, too.", "what_to_do": f"Look at {elsewhere}.", "libvirt": f"{elsewhere}: no"}
    moves = {
        "running": seed.make_migration(guests["busy"], a, b, State.COPYING_MEMORY, by=admin),
        "queued": seed.make_migration(
            guests["waits"], b, a, State.QUEUED, by=admin, state_text=f"{elsewhere} is busy."
        ),
        "done": seed.make_migration(guests["idle"], b, a, State.DONE, by=admin, downtime_ms=84, findings=findings),
        "also": seed.make_migration(guests["odd"], b, a, State.DONE, by=admin),
        "failed": seed.make_migration(guests["off"], b, a, State.FAILED, by=admin, error=error),
        "attention": seed.make_migration(
            guests["left"], ill, b, State.NEEDS_ATTENTION, by=admin, state_text=f"{ill.name} is silent."
        ),
    }
    writer.write(moves["running"].topic, EntryKind.NOTE, f"{elsewhere} did not answer.", reason=f"as {elsewhere} does")
    team = Team.objects.create(name=f"{word}-team")
    writer.write(writer.host_topic(a.pk), EntryKind.ACTION, f"ada changed {a.name}.", actor=admin)
    policy = Policy.objects.get(name="gentle")
    PolicyChoice.objects.create(policy=policy, host=a)
    PolicyChoice.objects.create(policy=policy, guest=guests["idle"])
    return {
        "group": group,
        "host": a,
        "other": b,
        "pool": pool,
        "guests": guests,
        "moves": moves,
        "copy": seed.make_copy(moves["done"], days=90, state_text=f"Something on {elsewhere} uses it."),
        "report": seed.make_preflight(guests["idle"], b, findings=findings),
        "request": seed.make_request(guests["idle"], team, by=admin),
        "approval": seed.make_approval(guests["idle"], asked_by=admin),
        "closing": seed.make_approval(guests["left"], subject=f"migration:{moves['attention'].pk}", asked_by=admin),
    }
