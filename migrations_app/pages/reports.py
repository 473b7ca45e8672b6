"""A preflight report as the page shows it: the verdict, the blockers, what kvmweb cannot tell, the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from kvmweb.web.plain import isolated
from migrations_app.domain import by_hand, virsh
from migrations_app.domain.forecast import Forecast
from migrations_app.domain.leaving import commands_back, commands_out, leaving_in
from migrations_app.domain.preflight.check import Verdict
from migrations_app.domain.preflight.streams import foretold
from migrations_app.pages.path_rates import PathView, path_view
from migrations_app.reading.new_disks import new_disks
from migrations_app.words.forecast import forecast_words, rests_on
from migrations_app.words.verdict import OLD, Aim, checking_words, go_words, verdict_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hosts.facts.endpoint import PeerEndpoint
    from hosts.models import Sighting
    from migrations_app.models import Preflight

#: an older report says nothing about now: static/js/migrate.js withdraws it at the same age
FRESH_SECONDS = 60
#: after this long without an answer the page says so
PATIENCE_SECONDS = 12
_TITLES = (
    ("blocker", "Blockers: resolve these first"),
    ("warning", "Warnings: read these before you migrate"),
    ("unknown", "Unknown: could not be checked"),
    ("info", "Notes: good to know"),
)
_TONES = {"blocked": "bad", "unknown": "unk", "warnings": "warn", "ok": "ok"}
_ICONS = {"blocked": "ban", "unknown": "question-mark", "warnings": "alert-triangle", "ok": "circle-check"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    severity: str
    title: str
    findings: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    preflight: Preflight
    waiting: bool
    #: no worker has answered for too long
    late: bool
    #: seconds since the hosts were looked at; None without an answer
    age: int | None
    #: too old to start a migration by
    old: bool
    sentence: str
    tone: str
    icon: str
    groups: Sequence[Group]
    passed: Sequence[dict[str, Any]]
    blocked: bool
    button: str
    #: the equivalent virsh command, and the host to run it on
    command: str
    command_on: str
    #: what it reads: the XML of each device that leaves the VM
    device_files: Sequence[str]
    #: (what, words), and from what that is known; none of a migration that cannot start
    forecast: Sequence[tuple[str, str]]
    forecast_from: str
    #: kvmweb copies the disks itself: nothing tells how long that takes
    streamed: bool
    #: what a probe stream told of the path, and a button for one
    path: PathView | None
    #: the targets of the disks that are copied, with spaces between them
    copied: str
    patience: int = PATIENCE_SECONDS


def report_view(preflight: Preflight) -> ReportView:
    guest, row = isolated(preflight.vm.name), preflight.kind_row
    aim = Aim(guest=preflight.vm.name, target=str(preflight.target), stays=row.same_host)
    waiting = preflight.seen_at is None and not preflight.error
    counts = Counter(finding["severity"] for finding in preflight.findings)
    groups = [
        Group(severity=severity, title=title, findings=[f for f in preflight.findings if f["severity"] == severity])
        for severity, title in _TITLES
        if counts[severity]
    ]
    command, command_on = _command(preflight)
    blocked = preflight.verdict == Verdict.BLOCKED
    foreseen = None if blocked else Forecast.from_json(preflight.forecast)
    age = age_of(preflight)
    old = age is not None and age > FRESH_SECONDS
    if waiting:
        sentence = checking_words(aim)
    elif preflight.error:
        sentence = "The check was not made."
    elif old:
        sentence = OLD
    else:
        sentence = verdict_words(aim, preflight.verdict, counts)
    return ReportView(
        preflight=preflight,
        waiting=waiting,
        late=waiting and (timezone.now() - preflight.asked).total_seconds() > PATIENCE_SECONDS,
        age=age,
        old=old,
        sentence=sentence,
        tone="unk" if old else _TONES.get(preflight.verdict, "unk"),
        icon="clock" if old else _ICONS.get(preflight.verdict, "question-mark"),
        groups=groups,
        passed=[finding for finding in preflight.findings if finding["severity"] == "passed"],
        blocked=blocked,
        button=go_words(aim, preflight.verdict, counts["unknown"]),
        command=command,
        command_on=command_on,
        device_files=[one.file for one in leaving_in(preflight.findings) if one.file],
        forecast=forecast_words(guest, foreseen),
        copied=" ".join(preflight.copied_disks or ()) if row.copies and not row.same_host else "",
        forecast_from=rests_on(foreseen),
        streamed=foretold(preflight.findings),
        path=None if waiting or blocked or preflight.error else path_view(preflight, foreseen),
    )


def age_of(preflight: Preflight) -> int | None:
    """Seconds since the hosts were looked at; None without an answer."""
    if preflight.seen_at is None or preflight.error:
        return None
    return int((timezone.now() - preflight.seen_at).total_seconds())


def _command(preflight: Preflight) -> tuple[str, str]:
    """The virsh line for a root shell on the source; empty when the guest is nowhere, nobody can reach the target,
    nobody knows which disks to copy, or libvirt cannot copy them."""
    here = preflight.vm.current_sighting()
    peer = preflight.target.peer
    asked = preflight.request.options.copy_disks
    if preflight.kind_row.same_host:
        return _storage_command(preflight, here)
    unknown = asked and preflight.copied_disks is None
    if here is None or peer is None or unknown or foretold(preflight.findings):
        return "", ""
    guest = virsh.vm(preflight.vm.name, str(preflight.guest_id))
    there = virsh.vm(preflight.name_there(preflight.vm.name), str(preflight.guest_id))
    options = preflight.request.options.for_guest(persistent=here.persistent is not False)
    address = preflight.target.migration_address
    copied = tuple(preflight.copied_disks or ())
    row, uri = preflight.kind_row, _peer_text(peer)
    migrate = by_hand.equivalent_command(
        options=options.changed(keep_paused=options.keep_paused or row.starts_paused),
        guest=guest,
        source_uri="qemu:///system",
        peer_uri=uri,
        migrate_uri=f"tcp://{_bracketed(address)}" if address else "",
        copy_disks=copied,
        cold=row.cold,
        live=not row.pauses,
    )
    leaving = leaving_in(preflight.findings)
    around = by_hand.around_paused(migrate, guest=guest, there=there, target_uri=uri)
    commands = [
        *by_hand.commands_before(stops=row.stops, guest=guest, source_uri="qemu:///system"),
        *commands_out(leaving, guest=guest, uri="qemu:///system"),
        *(around if row.starts_paused else [migrate]),
        *by_hand.commands_beside(options=options, guest=guest, source_uri="qemu:///system", copy_disks=copied),
        *by_hand.commands_after(options=options, stops=row.stops, guest=there, target_uri=uri),
        *commands_back(leaving, guest=there, uri=uri),
    ]
    return "\n".join(virsh.line(words) for words in commands if words), str(here.host)


def _storage_command(preflight: Preflight, here: Sighting | None) -> tuple[str, str]:
    """Empty also for a VM that does not run: virsh alone cannot do it then."""
    disks = new_disks(preflight)
    if here is None or not here.active or not disks:
        return "", ""
    guest = virsh.vm(preflight.vm.name, str(preflight.guest_id))
    commands = by_hand.storage_commands(options=preflight.request.options, guest=guest, disks=disks)
    return "\n".join(map(virsh.line, commands)), str(here.host)


def _peer_text(peer: PeerEndpoint) -> str:
    user = f"{peer.user}@" if peer.user else ""
    return f"qemu+{peer.transport}://{user}{_bracketed(peer.address)}/system"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
