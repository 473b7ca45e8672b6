"""The API's responses. Times are UTC; units are in the names."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema

from hosts.reading.veil import Veil, veil_of
from kvmweb.journal.models import Entry
from kvmweb.web.problems import Problem
from migrations_app.api.forecast_answers import ForecastOut
from migrations_app.api.texts import (
    EntryKindText,
    KindText,
    LaneText,
    ResultText,
    SeverityText,
    SignText,
    StateText,
    VerdictText,
)
from migrations_app.models import Migration, Preflight
from migrations_app.words.felt import not_felt


class RunningOut(Schema):
    id: int
    state: StateText
    target: str


class Moving(Problem):
    """The VM already has an active migration: `running`."""

    running: RunningOut


class LaterOut(Schema):
    """It is carried out when people approve it: `approval` is the id in /approvals."""

    text: str
    approval: int


class OtherState(Problem):
    """This cannot be done with the migration in the `state` it is in."""

    state: StateText


class Unfit(Problem):
    """`first`: the id of the migration that this idempotency key created; only when the key was used before."""

    first: int | None = None


class RemedyOut(Schema):
    """`option`: the option that removes the finding when it is true; "" for none."""

    text: str
    command: str
    on: str
    option: str = ""


class FindingOut(Schema):
    check: str
    severity: SeverityText
    summary: str
    evidence: dict[str, str]
    affects: str
    remedies: list[RemedyOut]


class PreflightOut(Schema):
    """`copied_disks`: the targets of the disks that the migration would copy; null when unknown. `forecast` is null
    when the migration cannot start, or when not even the transfer rate is known."""

    id: int
    verdict: VerdictText
    findings: list[FindingOut]
    copied_disks: list[str] | None
    forecast: ForecastOut | None
    seen_at: datetime
    error: str

    @staticmethod
    def resolve_forecast(row: Preflight) -> dict[str, Any] | None:
        return row.forecast or None


class Waiting(Schema):
    id: int


class KindOut(Schema):
    """`reason`: why this method is not offered, a sentence; "" when it is."""

    kind: KindText
    offered: bool
    reason: str


class ProgressOut(Schema):
    """Progress as libvirt reports it; null: not reported. `pass_at_ms` and `pass_remaining_bytes`: when the newest pass
    over the memory began, in the time of `elapsed_ms`, and what was left then. `needed_downtime_ms`: the downtime that
    this takes at the present rate. `eta_low_ms` to `eta_high_ms`: the time left, `eta_ms` the most likely; null: not
    known, or no upper bound. `throttle_percent`: by how much QEMU slows the VM's CPUs down."""

    phase: str | None = None
    percent: int | None = None
    transferred_bytes: int | None = None
    remaining_bytes: int | None = None
    total_bytes: int | None = None
    rate_bps: float | None = None
    dirty_bps: float | None = None
    iteration: int | None = None
    elapsed_ms: int | None = None
    pass_at_ms: int | None = None
    pass_remaining_bytes: int | None = None
    expected_downtime_ms: int | None = None
    allowed_downtime_ms: int | None = None
    needed_downtime_ms: int | None = None
    throttle_percent: int | None = None
    eta_low_ms: int | None = None
    eta_ms: int | None = None
    eta_high_ms: int | None = None
    converging: bool | None = None
    disk_remaining_bytes: int | None = None
    disk_total_bytes: int | None = None
    no_data_ms: int | None = None
    owner: str | None = None
    updated_at: datetime | None = None


class ErrorOut(Schema):
    """`libvirt`: the error message of libvirt, if there was one."""

    cause: str = ""
    what_to_do: str = ""
    libvirt: str = ""


class WaitingOut(Schema):
    """Hosts that are not reachable, each with its connection error; after `until` the migration needs attention.
    `at`: "source" or "target", where the other host says that the VM runs, or ""."""

    hosts: dict[str, str]
    since: datetime
    until: datetime
    at: str


class TakenOutOut(Schema):
    """`kind`: medium (a CD or floppy image in `drive`), usb, or teamed (a network device of a failover team). `state`:
    leaving, out, back (again in the VM, on `host`), left_out (kvmweb could not put it back on `host`, or must not), or
    kept (the VM still had it at the end, and may still release it); the last two with `why` and `what_to_do`. `xml`:
    what libvirt is given to put it back."""

    kind: str
    name: str
    drive: str
    xml: str
    state: str
    host: str
    why: str
    what_to_do: str


class FeltOut(Schema):
    """What probes of the VM at `address` measured, sent from the machine `from`: from some seconds before the
    switchover until the VM answered again. `longest_ms`: the longest time without an answer."""

    # "from" is a word of Python
    __annotations__ = {"from": str, "address": str, "sent": int, "lost": int, "longest_ms": int}


class ArrivalOut(Schema):
    """`test`: the guest agent answers, CPU time advances, the address answers, the clock has not moved."""

    test: SignText
    result: ResultText
    text: str


class MigrationOut(Schema):
    """`state_text`: what is true now, as a sentence. `copied_disks`: the disks that are copied, as the preflight check
    chose them. `streamed_because`: what the source said when it could not start the VM paused, so that kvmweb copies
    the disks itself; else empty. `forecast`: as it was at the start; null before, and when nothing was known. `timings`
    in seconds: dispatch, connect, facts, transfer (missing when another worker took over), verify. `policy`: the name
    that it had at the request; null for a method without one. `restart_of`: the migration that this one was started
    instead of; `restarted_as`: the one that was started instead of this. `lane`: whom it is for, operations or a
    request of the portal. `felt_reason`: why `felt` is null, or what it lacks; "" otherwise. `taken_out`: what the
    options detach and eject have taken out of the VM. `arrival`: tests of the VM, made when it is `done`: unknown for
    some seconds. Empty for one that is not meant to run."""

    id: int
    guest: UUID
    guest_name: str
    source: str
    source_id: int
    target: str
    target_id: int
    kind: KindText
    options: dict[str, Any]
    state: StateText
    state_text: str
    terminal: bool
    progress: ProgressOut
    verdict: VerdictText
    findings: list[FindingOut]
    copied_disks: list[str] | None
    streamed_because: str
    forecast: ForecastOut | None
    downtime_ms: int | None
    felt: FeltOut | None
    felt_reason: str
    arrival: list[ArrivalOut]
    error: ErrorOut | None
    waiting: WaitingOut | None
    requested_by: str
    reason: str
    lane: LaneText
    urgent: bool
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    timings: dict[str, float]
    policy: str | None
    restart_of: int | None
    restarted_as: int | None
    taken_out: list[TakenOutOut]

    @staticmethod
    def resolve_guest(row: Migration) -> UUID:
        return row.guest_id

    @staticmethod
    def resolve_source(row: Migration) -> str:
        return row.source.name

    @staticmethod
    def resolve_target(row: Migration) -> str:
        return row.target.name

    @staticmethod
    def resolve_requested_by(row: Migration) -> str:
        return row.requested_by_name

    @staticmethod
    def resolve_waiting(row: Migration) -> dict[str, Any] | None:
        return None if row.terminal else row.waiting or None

    @staticmethod
    def resolve_streamed_because(row: Migration) -> str:
        return str(row.stream.get("because", ""))

    @staticmethod
    def resolve_forecast(row: Migration) -> dict[str, Any] | None:
        return row.forecast or None

    @staticmethod
    def resolve_felt_reason(row: Migration) -> str:
        return not_felt(row)

    @staticmethod
    def resolve_policy(row: Migration) -> str | None:
        policy = row.policy_data
        return policy.name if policy else None

    @staticmethod
    def resolve_restart_of(row: Migration) -> int | None:
        return row.restart_of_id

    @staticmethod
    def resolve_restarted_as(row: Migration) -> int | None:
        later = getattr(row, "restarted_as", None)
        return later.pk if later else None

    @staticmethod
    def resolve_taken_out(row: Migration) -> list[dict[str, str]]:
        return [
            {
                "kind": str(one.part.kind),
                "name": one.part.name,
                "drive": one.part.drive,
                "xml": one.part.back,
                "state": str(one.state),
                "host": one.host,
                "why": one.why,
                "what_to_do": one.to_do,
            }
            for one in row.taken_out
        ]

    @staticmethod
    def resolve_state_text(row: Migration, context: Any) -> object:
        return _veil(row, context)(row.state_text)

    @staticmethod
    def resolve_arrival(row: Migration, context: Any) -> object:
        return _veil(row, context)(row.arrival)

    @staticmethod
    def resolve_findings(row: Migration, context: Any) -> object:
        return _veil(row, context)(row.findings)

    @staticmethod
    def resolve_reason(row: Migration, context: Any) -> object:
        return _veil(row, context)(row.reason)

    @staticmethod
    def resolve_error(row: Migration, context: Any) -> object:
        return _veil(row, context)(row.error) or None


def _veil(row: Migration, context: Any) -> Veil:
    return veil_of(context, row.source_id, row.target_id)


class EntryOut(Schema):
    id: int
    time: datetime
    kind: EntryKindText
    text: str
    actor: str
    reason: str
    body: dict[str, Any]

    @staticmethod
    def resolve_time(entry: Entry) -> datetime:
        return entry.created

    @staticmethod
    def resolve_actor(entry: Entry) -> str:
        return entry.actor_name
