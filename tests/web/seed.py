"""Rows as the watcher and the workers leave them: hosts, guests, sightings, migrations in every state, hostile names.

For tests of pages, and to look at the pages without hosts:
`manage.py shell -c "from tests.web.seed import scene; scene()"`.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

from django.contrib.auth.models import User
from django.utils import timezone

from approvals.domain.plan import Plan, findings_of
from approvals.models import Approval
from hosts.facts.guest import Disk, Nic, RunState
from hosts.models import Bridge, Guest, Host, Network, Sighting, StoragePool, Volume
from kvmweb.accounts.models import Team
from kvmweb.accounts.permissions import Role
from kvmweb.journal import writer
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.domain.lifecycle import TERMINAL, State
from migrations_app.domain.options import Options
from migrations_app.models import Migration, Preflight, RollbackCopy, Verification
from portal.domain.states import RequestState
from portal.models import Request
from tests.policies import built_in_policies

GIB = 1024 * 1024  # KiB
HOSTILE = "<img src=x onerror=alert(1)>"
RTL = "\u202e" + "שרת-גיבוי-" * 20
PASSWORD = "sixteen moving vms"


def _passed(check: str, summary: str) -> dict[str, Any]:
    return {"check": check, "severity": "passed", "summary": summary, "evidence": {}, "affects": "", "remedies": []}


FINDINGS: list[dict[str, Any]] = [
    {
        "check": "bridges",
        "severity": "blocker",
        "summary": "Bridge br1 is missing on the destination.",
        "evidence": {"needed by": "52:54:00:12:34:56", "bridges there": "br0, virbr0"},
        "affects": "network br1",
        "remedies": [{"text": "Make the bridge.", "command": "nmcli con add type bridge ifname br1", "on": "kvm-b"}],
    },
    {
        "check": "cpu",
        "severity": "unknown",
        "summary": "Whether the CPU fits could not be seen.",
        "evidence": {"why": "domain capabilities did not answer within 8 s"},
        "affects": "",
        "remedies": [],
    },
    {
        "check": "clock",
        "severity": "unknown",
        "summary": "The clocks could not be compared.",
        "evidence": {},
        "affects": "",
        "remedies": [{"text": "Look at the clock by hand.", "command": "timedatectl", "on": "kvm-b"}],
    },
    {
        "check": "cache",
        "severity": "warning",
        "summary": "Disk vda uses cache mode writeback.",
        "evidence": {"cache": "writeback", "QEMU": "7.2.0"},
        "affects": "disk vda",
        "remedies": [{"text": "Use cache none after the next start of the VM.", "command": "", "on": ""}],
    },
    _passed("hosts_differ", "Source and destination are two machines."),
    _passed("pools", "Every disk is in a pool that both hosts share."),
    _passed("memory", "The destination has 3.5 GiB free, 512 MiB are needed."),
]

#: as the worker stores it, see migrations_app.domain.forecast
FORECAST: dict[str, Any] = {
    "runs": 3,
    "bps": 412 * 1024**2,
    "low_ms": 8_000.0,
    "high_ms": 12_000.0,
    "likely_ms": 9_000.0,
    "downtime_low_ms": 70,
    "downtime_high_ms": 140,
    "dirty_bps": 38 * 1024**2,
    "dirty_low_bps": 30 * 1024**2,
    "dirty_high_bps": 50 * 1024**2,
    "limit_bps": None,
    "rate_bps": 420.0 * 1024**2,
    "first_bytes": 400 * 1024**2,
    "ends": True,
    "verdict": "converges",
    "rate_from": "transfers",
    "rate_at": "",
    "dirty_from": "measured",
    "proposes": "",
    "proposes_by": "",
    "paused": False,
}


def make_host(name: str, *, contact: str = Host.Contact.ANSWERS, number: int = 1, **fields: Any) -> Host:
    now = timezone.now()
    values: dict[str, Any] = {
        "transport": "ssh",
        "address": f"192.0.2.{number}",
        "user": "root",
        "migration_address": f"198.51.100.{number}",
        "contact": contact,
        "contact_since": now - timedelta(hours=3),
        "seen_at": now - timedelta(seconds=2),
        "hostname": f"{name}.lab",
        "host_uuid": uuid_of(name),
        "libvirt_version": 9_000_000,
        "qemu_version": 7_002_000,
        "arch": "x86_64",
        "cpus": 8,
        "cpu_model": "Skylake-Client",
        "cpu_vendor": "Intel",
        "memory_total_kib": 8 * GIB,
        "memory_free_kib": 4 * GIB,
    }
    return Host.objects.create(name=name, **(values | fields))


def make_guest(
    name: str, host: Host | None = None, *, state: str = RunState.RUNNING, key: str = "", **fields: Any
) -> Guest:
    now = timezone.now()
    number = Guest.objects.count()
    disks = [
        asdict(
            Disk(
                target="vda",
                device="disk",
                type="file",
                path=f"/testvms/{key or 'vm'}.qcow2",
                format="qcow2",
                cache="none",
                bus="virtio",
            )
        ),
        asdict(Disk(target="sda", device="cdrom", type="", bus="sata", readonly=True)),
    ]
    nics = [
        asdict(
            Nic(type="bridge", source="br1", mac=f"52:54:00:00:{number // 256:02x}:{number % 256:02x}", model="virtio")
        )
    ]
    values: dict[str, Any] = {
        "virt_type": "kvm",
        "arch": "x86_64",
        "machine": "pc-q35-7.2",
        "cpu": "host-model",
        "memory_kib": GIB // 2,
        "vcpus": 2,
        "disks": disks,
        "nics": nics,
        "details_seen_at": now - timedelta(minutes=5),
    }
    guest = Guest.objects.create(uuid=uuid_of(key or name), name=name, **(values | fields))
    if host is not None:
        see(guest, host, state=state)
    return guest


def see(guest: Guest, host: Host, *, state: str = RunState.RUNNING, gone: datetime | None = None) -> Sighting:
    return Sighting.objects.create(
        guest=guest,
        host=host,
        state=state,
        persistent=True,
        autostart=False,
        managed_save=False,
        snapshots=0,
        seen_at=host.seen_at or timezone.now(),
        state_since=timezone.now() - timedelta(hours=5),
        gone_since=gone,
    )


def make_migration(
    guest: Guest, source: Host, target: Host, state: State, *, by: User | None = None, **fields: Any
) -> Migration:
    now = timezone.now()
    over = state in TERMINAL
    values: dict[str, Any] = {
        "guest_name": guest.name,
        "kind": "live",
        "options": Options().as_json(),
        "state_since": now,
        "requested_by": by,
        "requested_by_name": by.get_username() if by else "olga",
        "started_at": now - timedelta(seconds=20),
        "finished_at": now - timedelta(seconds=1) if over else None,
        "call_made": state not in (State.REQUESTED, State.CHECKING, State.QUEUED, State.BLOCKED),
        "progress": progress_of(62 if not over else 100),
    }
    if state in (State.REQUESTED, State.CHECKING, State.QUEUED, State.BLOCKED):
        values["progress"] = {}
    made = Migration.objects.create(guest=guest, source=source, target=target, state=state, **(values | fields))
    Migration.objects.filter(pk=made.pk).update(requested_at=now - timedelta(seconds=24))
    topic = writer.migration_topic(made.pk)
    writer.write(
        topic,
        EntryKind.ACTION,
        f"olga requested the migration of {guest.name} from {source} to {target}.",
        reason="kernel update",
    )
    writer.write(topic, EntryKind.STATE, "", body={"state": State.CHECKING})
    for step in (State.STARTING, State.COPYING_MEMORY):
        if made.call_made:
            writer.write(topic, EntryKind.STATE, "", body={"state": step})
    writer.write(topic, EntryKind.STATE, made.state_text, body={"state": state})
    made.refresh_from_db()
    return made


def make_request(guest: Guest, team: Team, *, by: User, **fields: Any) -> Request:
    """Of somebody in a team, with what operators read beside it."""
    values: dict[str, Any] = {
        "guest_name": guest.name,
        "wish": "away",
        "reason": "kernel update",
        "asked_by_name": by.get_username(),
        "state": RequestState.WAITING_WINDOW,
        "text": "It waits for its window.",
        "state_since": timezone.now(),
        "plan": {"guest": str(guest.pk), "source": Host.objects.earliest("pk").pk, "target": None, "kind": "live"}
        | {"options": {}, "findings": [["cpu", "unknown"]], "about": ""},
        "choice": [
            {"host": "kvm-b", "fits": True, "why": "kvm-b has 3.5 GiB of memory free afterwards.", "score": 0.8}
        ],
        "forecast": FORECAST,
    }
    made: Request = Request.objects.create(guest=guest, team=team, asked_by=by, **(values | fields))
    return made


def make_approval(guest: Guest, **changes: Any) -> Approval:
    """Of a team's request, by an operator."""
    plan = Plan(guest=str(guest.pk), kind="live", source=1, target=2, findings=findings_of(FINDINGS))
    fields = {
        "subject": f"request:{Approval.objects.count() + 1}",
        "guest": guest,
        "guest_name": guest.name,
        "text": f"Migrate {guest.name} away from where it is",
        "plan": plan.as_json(),
        "plan_hash": plan.hash,
        "role": "operator",
        "rule": "Operators agree",
        "asked_by_name": "mia",
        "expires_at": timezone.now() + timedelta(hours=72),
    }
    made: Approval = Approval.objects.create(**{**fields, **changes})
    return made


def make_copy(migration: Migration, *, days: int = 0, **fields: Any) -> RollbackCopy:
    made = timezone.now() - timedelta(days=days)
    values: dict[str, Any] = {
        "host": migration.source,
        "guest_name": migration.guest_name,
        "disk": "vda",
        "pool": "default",
        "volume": f"{migration.guest_id}.qcow2",
        "path": f"/var/lib/libvirt/images/{migration.guest_id}.qcow2",
        "format": "qcow2",
        "size": 20 * 1024**3,
        "allocated": 1024**3,
        "verification": Verification.MIRROR,
        "created_at": made,
        "state_since": made,
    }
    copy: RollbackCopy = RollbackCopy.objects.create(migration=migration, **(values | fields))
    return copy


def silence(host: str, minutes: int = 12) -> dict[str, Any]:
    """What a migration waits for when `host` stopped answering so long ago."""
    since = timezone.now() - timedelta(minutes=minutes)
    return {
        "hosts": {host: "ssh: connect to host 192.0.2.3 port 22: No route to host"},
        "since": since.isoformat(timespec="seconds"),
        "until": (since + timedelta(minutes=2)).isoformat(timespec="seconds"),
        "at": "",
    }


def progress_of(percent: int, **fields: Any) -> dict[str, Any]:
    total = 4 * 1024**3
    values: dict[str, Any] = {
        "phase": "memory",
        "percent": percent,
        "transferred_bytes": total * percent // 100,
        "remaining_bytes": total * (100 - percent) // 100,
        "total_bytes": total,
        "rate_bps": 412 * 1024**2,
        "dirty_bps": 38 * 1024**2,
        "iteration": 2,
        "elapsed_ms": 9_400,
        "pass_at_ms": 8_000,
        "pass_remaining_bytes": 57 * 1024**2,
        "expected_downtime_ms": 140,
        "allowed_downtime_ms": 300,
        "needed_downtime_ms": 140,
        "throttle_percent": None,
        "eta_low_ms": 4_000,
        "eta_high_ms": 7_000,
        "converging": True,
        "disk_remaining_bytes": None,
        "disk_total_bytes": None,
        "owner": "worker-1",
        "updated_at": timezone.now().isoformat(),
    }
    return values | fields


def add_samples(migration: Migration, count: int = 40) -> None:
    """Two a second, in passes of 10 that leave less and less. All at once: most tests of pages begin with them."""
    topic, bodies = writer.migration_topic(migration.pk), []
    for number in range(count):
        rate = (380 + 30 * (number % 5)) * 1024**2
        dirty = (20 + 3 * (number % 7)) * 1024**2 if number > 10 else None
        left = (600 // (number // 10)) * 1024**2 if number >= 10 else None
        bodies.append(
            progress_of(
                min(99, 2 * number),
                rate_bps=rate,
                dirty_bps=dirty,
                iteration=1 + number // 10,
                pass_remaining_bytes=left,
                needed_downtime_ms=left * 1000 // rate if left else None,
                allowed_downtime_ms=300 if number < 25 else 500,
            )
        )
    now = timezone.now()
    made = Entry.objects.bulk_create(Entry(topic=topic, kind=EntryKind.PROGRESS, body=body) for body in bodies)
    for number, entry in enumerate(made):
        entry.created = now - timedelta(seconds=(count - number) / 2)
    Entry.objects.bulk_update(made, ["created"])


def add_marks(migration: Migration) -> None:
    """An order and decisions, at the times of the samples; one order was refused."""
    now = timezone.now()
    asked = {"asked_by_name": "olga", "asked_at": now - timedelta(seconds=15)}
    done = now - timedelta(seconds=14)
    migration.orders.create(what="bandwidth_mib", value=400, state="applied", done_at=done, read_back=400, **asked)
    migration.orders.create(what="finish", state="refused", done_at=done, **asked)
    for seconds, action, downtime, applied in ((7.5, "raise", 500, True), (3.0, "suspend", None, False)):
        migration.decisions.create(
            at=now - timedelta(seconds=seconds),
            action=action,
            downtime_ms=downtime,
            applied=applied,
            text=f"The policy gentle allows {downtime} ms of downtime."
            if downtime
            else "The policy would pause web-01.",
        )


def make_places(host: Host) -> StoragePool:
    now = timezone.now()
    sizes: dict[str, Any] = {
        "capacity": 100 * 1024**3,
        "allocation": 30 * 1024**3,
        "available": 70 * 1024**3,
        "seen_at": now,
    }
    shared = StoragePool.objects.create(
        host=host,
        name="testvms",
        uuid=uuid_of("testvms"),
        type="netfs",
        target_path="/testvms",
        source="gluster:testvms",
        active=True,
        autostart=True,
        **sizes,
    )
    StoragePool.objects.create(
        host=host,
        name="local",
        uuid=uuid_of(f"local {host}"),
        type="dir",
        target_path="/var/lib/libvirt/images",
        active=False,
        autostart=False,
        **sizes,
    )
    Network.objects.create(
        host=host, name="isolated", uuid=uuid_of("net"), bridge="virbr1", active=True, autostart=True, seen_at=now
    )
    Bridge.objects.create(host=host, name="br1", active=True, seen_at=now)
    Volume.objects.create(
        pool=shared,
        name="web-01.qcow2",
        path="/testvms/web-01.qcow2",
        format="qcow2",
        capacity=10 * 1024**3,
        allocation=2 * 1024**3,
    )
    return shared


def make_person(name: str, role: Role | None, **fields: Any) -> User:
    person = User.objects.create_user(name, password=PASSWORD, **fields)
    if role is not None:
        person.grants.create(role=role)
    return person


def make_preflight(
    guest: Guest, target: Host, *, findings: list[dict[str, Any]] | None = None, verdict: str = "", kind: str = "live"
) -> Preflight:
    found = FINDINGS if findings is None else findings
    seen = {finding["severity"] for finding in found}
    said = verdict or (
        "blocked"
        if "blocker" in seen
        else "unknown"
        if "unknown" in seen
        else "warnings"
        if "warning" in seen
        else "ok"
    )
    return Preflight.objects.create(
        guest=guest,
        target=target,
        kind=kind,
        options=Options().as_json(),
        findings=found,
        verdict=said,
        seen_at=timezone.now(),
    )


def uuid_of(name: str) -> UUID:
    return uuid5(NAMESPACE_DNS, f"{name}.seed")


def scene() -> dict[str, Any]:
    """A small installation on a busy afternoon."""
    built_in_policies()
    admin = make_person("ada", Role.ADMIN, is_staff=True, is_superuser=True)
    olga = make_person("olga", Role.OPERATOR)
    viewer = make_person("vera", Role.VIEWER)
    a = make_host("kvm-a", number=1)
    b = make_host("kvm-b", number=2, memory_free_kib=5 * GIB, qemu_version=10_000_000, libvirt_version=11_003_000)
    c = make_host(
        "kvm-c",
        number=3,
        contact=Host.Contact.AWAY,
        contact_text="192.0.2.3 was reached, but libvirtd is not running there. On 192.0.2.3: sudo systemctl enable --now "
        "libvirtd",
        contact_details="Failed to connect socket: Connection refused",
        seen_at=timezone.now() - timedelta(minutes=12),
    )
    d = make_host(
        "kvm-d",
        number=4,
        contact=Host.Contact.CONFIRM,
        contact_text="192.0.2.4 shows another ssh host key than before.",
        fingerprint="SHA256:Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE",
        seen_at=None,
        host_uuid=None,
        memory_total_kib=0,
        memory_free_kib=0,
        cpus=0,
        libvirt_version=0,
        qemu_version=0,
        cpu_model="",
        cpu_vendor="",
        hostname="",
        offered_fingerprint="SHA256:ZGlmZmVyZW50a2V5ZGlmZmVyZW50a2V5ZGlmZmVyZW4",
    )
    for host in (a, b, c):
        make_places(host)
    web = make_guest("web-01", a, key="web-01", title="Shop front end", memory_kib=4 * GIB, vcpus=4)
    db = make_guest("db-01", a, key="db-01", memory_kib=2 * GIB)
    idle = make_guest("idle-01", b, key="idle-01")
    build = make_guest("build-07", b, key="build-07", memory_kib=3 * GIB, state=RunState.PAUSED)
    off = make_guest("archive", b, key="archive", state=RunState.SHUTOFF)
    lost = make_guest("mail-02", c, key="mail-02", memory_kib=GIB)
    hostile = make_guest(HOSTILE, a, key="hostile", title="'\"><script>alert(2)</script>")
    rtl = make_guest(RTL, b, key="rtl")
    see(idle, a, state=RunState.SHUTOFF, gone=timezone.now() - timedelta(hours=2))
    running = make_migration(
        web,
        a,
        b,
        State.COPYING_MEMORY,
        by=olga,
        reason="kernel update on kvm-a",
        findings=FINDINGS[1:],
        controls={"bandwidth_mib": 0, "max_downtime_ms": 300, "xbzrle_cache_mib": 64},
    )
    add_samples(running)
    queued = make_migration(
        db, a, b, State.QUEUED, by=olga, state_text="Waiting for a free slot: web-01 is migrating from kvm-a."
    )
    timings = {"dispatch": 0.07, "connect": 0.02, "facts": 0.1, "transfer": 9.4, "verify": 0.02}
    done = make_migration(
        idle, a, b, State.DONE, by=olga, downtime_ms=84, findings=FINDINGS[3:], timings=timings, forecast=FORECAST
    )
    add_samples(done)
    failed = make_migration(
        build,
        b,
        a,
        State.FAILED,
        by=admin,
        progress=progress_of(41),
        error={
            "cause": "The destination's libvirt daemon stopped while memory was copied.",
            "what_to_do": "Start libvirtd on kvm-a, then migrate again.",
            "libvirt": "internal error: client socket is closed (code 1, domain 7)",
        },
    )
    blocked = make_migration(off, b, a, State.BLOCKED, by=olga, findings=FINDINGS, verdict="blocked")
    cancelled = make_migration(rtl, b, a, State.CANCELLED, by=olga, progress=progress_of(12))
    cancelled.orders.create(what="cancel", asked_at=timezone.now(), asked_by_name="ada", state="applied")
    attention = make_migration(
        lost,
        c,
        b,
        State.NEEDS_ATTENTION,
        by=olga,
        state_text="kvm-c is not reachable; kvm-b has mail-02, paused.",
        waiting=silence("kvm-c"),
    )
    hurt = make_migration(hostile, a, b, State.DONE, by=olga, reason=HOSTILE, state_text=HOSTILE, downtime_ms=120)
    kept = make_copy(done, days=20)
    report = make_preflight(idle, a)
    return locals()
