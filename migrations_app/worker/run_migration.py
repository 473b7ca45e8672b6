"""From the request to the running libvirt call: claim, repeat the preflight, take a slot, record, start, watch."""

from __future__ import annotations

import logging
import posixpath
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.utils import timezone

from hosts import gateway
from hosts.calls.move import MigrateCall, PeerHelper
from hosts.facts.guest import GuestDetails
from hosts.facts.host import HostIdentity
from hosts.facts.storage import VolumeSpec
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError, HostConnection
from kvmweb.queue import Detached
from migrations_app.domain.disks import MAYBE_OWN_DISK
from migrations_app.domain.lifecycle import WAITING, State
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Severity, Verdict
from migrations_app.domain.preflight.facts import Facts
from migrations_app.models import Migration
from migrations_app.reading.forecast import forecast_for
from migrations_app.worker import ledger
from migrations_app.worker.copied_volumes import DiskCopy, delete_own_volumes, make_volumes
from migrations_app.worker.facts.collect import collect
from migrations_app.worker.facts.side import Side
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.ledger import Claim, HeldBack, LostClaim
from migrations_app.worker.lines import Line
from migrations_app.worker.mover import Mover
from migrations_app.worker.probe_lock import probing
from migrations_app.worker.run_preflight import Connect, both_sides, unreachable
from migrations_app.worker.slots import lock_slots, take, wake_queued, why_not
from migrations_app.worker.watch_migration import Watch

log = logging.getLogger(__name__)
#: what libvirt says when it is to make a volume where something is: STORAGE_VOL_EXIST, OPERATION_INVALID
EXISTS = (90, 55)


class NotStarted(Exception):
    """Something stopped the start before libvirt was asked; the guest was not touched."""


def run_migration(pk: int, *, connect: Connect = gateway.connect) -> None:
    """Do everything for one migration that waits; a second delivery finds it claimed and does nothing."""
    waiting = Migration.objects.filter(pk=pk, state__in=WAITING).select_related("source", "target").first()
    if waiting is None:
        return
    state = State(waiting.state)
    held = ledger.claim(
        pk, states=[state], become=State.CHECKING, text="Reading both hosts.", also=lambda: take(waiting)
    )
    if held is None:
        return
    migration = Migration.objects.select_related("source", "target", "guest").get(pk=pk)
    try:
        with Heartbeat(held) as heart:
            Start(held, migration, heart, connect).run()
    except LostClaim as lost:
        log.info("%s", lost)
    except Detached:
        ledger.release(held)
        raise
    except Exception:
        log.exception("migration %s: the worker stumbled", pk)
        _stumbled(held)
    wake_queued()


def _stumbled(held: Claim) -> None:
    """A mistake of ours. Before anything was made or asked it ends the migration; later the next worker watches on."""
    text = (
        "kvmweb could not start this migration because of a mistake of its own; its log has the details."
        " The VM was not touched."
    )
    rows = Migration.objects.filter(pk=held.pk, epoch=held.epoch, call_made=False, created_volumes=[])
    state = rows.filter(state__in=[State.CHECKING, State.STARTING]).values_list("state", flat=True).first()
    if state is None:
        ledger.release(held)
        return
    error = {"cause": "An internal error.", "what_to_do": ""}
    try:
        ledger.change_state(held, State(state), State.FAILED, text, error=error)
    except LostClaim as lost:
        log.info("%s", lost)


class Start:
    def __init__(self, held: Claim, migration: Migration, heart: Heartbeat, connect: Connect) -> None:
        self.held = held
        self.migration = migration
        self.heart = heart
        self.connect = connect
        self.state = State.CHECKING
        self._clock = time.monotonic()
        if "dispatch" not in migration.timings:
            waited = timezone.now() - migration.requested_at
            migration.timings = {"dispatch": round(waited.total_seconds(), 4)}

    def run(self) -> None:
        row = self.migration
        with ThreadPoolExecutor(max_workers=1) as pool:
            # the call blocks its connection, so it has one of its own; opened while the facts are read
            deadline = settings.KVMWEB.host_deadline_seconds
            opening = pool.submit(self.connect, row.source.endpoint, deadline=deadline)
            try:
                with both_sides(row.source, row.target, connect=self.connect) as (source, target):
                    self._lap("connect")
                    self._check_and_go(source, target, opening)
            finally:
                _close(opening)

    def _check_and_go(self, source: Side, target: Side, opening: Future[HostConnection]) -> None:
        row = self.migration
        with probing(row.guest_id, patience=10.0) as alone:
            facts, details = collect(row.request, source, target, probe=alone)
            self._lap("facts")
            try:
                if not self._may_start(facts, details, source):
                    return
                call = self._prepare(facts, source, target)
                mover = Mover(self._mover_connection(opening), call)
            except NotStarted as reason:
                self._not_started(str(reason), target)
                return
            row.call_made = True
            ledger.update(self.held, call_made=True, started_at=self._now(), timings=row.timings)
            mover.start()
        with (
            Line(row.source, self.connect, _connection(source), machine=row.source_host_uuid) as here,
            Line(row.target, self.connect, _connection(target), machine=row.target_host_uuid) as there,
        ):
            row.state = self.state
            Watch(self.held, row, here, there, self.heart, mover).run()

    def _now(self) -> Any:
        self.migration.started_at = timezone.now()
        return self.migration.started_at

    # --- preflight ------------------------------------------------------------------------------------------------

    def _may_start(self, facts: Facts, details: GuestDetails | Unknown, source: Side) -> bool:
        row = self.migration
        report = run_all(facts)
        findings = [finding.as_json() for finding in report.findings]
        seen: dict[str, Any] = {"findings": findings, "verdict": report.verdict, "timings": row.timings}
        seen["copied_disks"] = report.copied
        if report.verdict is Verdict.BLOCKED:
            blockers = report.of(Severity.BLOCKER)
            text = " ".join([f"{row.guest_name} was not touched.", *(finding.summary for finding in blockers)])
            self._become(State.BLOCKED, text, **seen)
            return False
        if isinstance(details, Unknown):
            raise NotStarted(details.reason)
        self._tell_unknowns([finding.summary for finding in report.of(Severity.UNKNOWN)])
        record = {**seen, **self._record(facts, details, source)}
        for name, value in record.items():
            setattr(row, name, value)
        try:
            self._become(State.STARTING, f"libvirt on {row.source} is being asked.", unless=self._held_back, **record)
        except HeldBack as why:
            self._hold(str(why), seen)
            return False
        return True

    def _tell_unknowns(self, unknowns: list[str]) -> None:
        if unknowns:
            ledger.note(self.held, f"Goes on with {len(unknowns)} unknown: {' '.join(unknowns)}", unknowns=unknowns)

    def _held_back(self) -> str:
        """Inside the transaction that takes the slot."""
        lock_slots()
        if Migration.objects.filter(pk=self.held.pk, cancel_requested_at__isnull=False).exists():
            return "cancelled"
        return why_not(self.migration)

    def _hold(self, why: str, seen: dict[str, Any]) -> None:
        if why == "cancelled":
            text = f"{self.migration.guest_name} was not touched: the migration was cancelled before it began."
            self._become(State.CANCELLED, text, **seen)
        else:
            self._become(State.QUEUED, why, owner="", owner_pid=None, **seen)

    def _record(self, facts: Facts, details: GuestDetails, side: Side) -> dict[str, Any]:
        """The write-ahead record: everything a person or an adopter would need, complete before anything starts."""
        row, source, target = self.migration, facts.source.identity, facts.target.identity
        run = side.learn(lambda c: c.run_number(str(row.guest_id)))
        for host, identity in ((row.source, source), (row.target, target)):
            if isinstance(identity, HostIdentity) and host.host_uuid and str(host.host_uuid) != identity.uuid:
                raise NotStarted(f"Another machine answers at the address of {host}: its host UUID is {identity.uuid}.")
        return {
            "source_xml": details.xml,
            "source_host_uuid": source.uuid if isinstance(source, HostIdentity) else None,
            "target_host_uuid": target.uuid if isinstance(target, HostIdentity) else None,
            "was_persistent": details.persistent,
            "was_paused": facts.guest.paused,
            "source_run": None if isinstance(run, Unknown) else run,
            "source_autostart": details.autostart,
            "forecast": forecast_for(row.requested_by, row.request, row.guest, row.source, paused=facts.guest.paused),
        }

    # --- start ----------------------------------------------------------------------------------------------------

    def _prepare(self, facts: Facts, source: Side, target: Side) -> MigrateCall:
        row = self.migration
        options = row.request.options.for_guest(persistent=bool(row.was_persistent))
        peer = row.target.peer
        if peer is None:
            raise NotStarted(f"{row.target} has no address that other hosts can use.")
        copy = self._copy_disks(facts, source, target)
        return MigrateCall(
            uuid=str(row.guest_id),
            peer=peer,
            helper=_helper(facts),
            migration_address=row.target.migration_address,
            copy_disks=copy,
            flags=options.flags(),
            parameters=options.parameters(),
        )

    def _copy_disks(self, facts: Facts, source: Side, target: Side) -> tuple[str, ...]:
        """Makes the volumes for the disks that this start's preflight judged as copied: those and no others."""
        copied = self.migration.copied_disks
        if copied is None or isinstance(facts.guest.definition, Unknown):
            raise NotStarted("Which disks to copy could not be told.")
        here, there = _connection(source), _connection(target)
        copies = []
        try:
            for disk in (disk for disk in facts.guest.definition.disks if disk.target in copied):
                path, pool = storage.target_path(facts, disk), storage.copy_pool(facts, disk)
                if pool is None or not path:
                    raise NotStarted(f"{self.migration.target} has no storage pool for {path or disk.target}.")
                size = here.virtual_size(str(self.migration.guest_id), disk.target)
                name = disk.volume or posixpath.basename(path)
                spec = VolumeSpec(pool=pool.name, name=name, format=disk.format or "raw", capacity=size)
                copies.append(DiskCopy(target=disk.target, path=path, spec=spec))
            make_volumes(self.held, self.migration, there, copies)
        except GatewayError as error:
            why = f"The disks could not be prepared on {self.migration.target}: {error.message}"
            raise NotStarted(f"{why}. {MAYBE_OWN_DISK}" if error.code in EXISTS else why) from error
        return tuple(copied)

    def _mover_connection(self, opening: Future[HostConnection]) -> HostConnection:
        self.heart.check()
        if Migration.objects.filter(pk=self.held.pk, cancel_requested_at__isnull=False).exists():
            raise NotStarted("cancelled")
        try:
            return opening.result()
        except GatewayError as error:
            raise NotStarted(unreachable(self.migration.source, error.message)[0]) from error

    def _not_started(self, why: str, target: Side) -> None:
        row = self.migration
        left = row.created_volumes
        if left and not isinstance(target.connection, Unknown):
            with Line(row.target, self.connect, target.connection, machine=row.target_host_uuid) as there:
                look = there.look(str(row.guest_id))
                if look.answered and not look.present:
                    left = delete_own_volumes(self.held, row, there)
                else:
                    paths = ", ".join(volume["path"] for volume in left)
                    text = f"Left on {row.target}, which does not say that nobody uses it: {paths}. {MAYBE_OWN_DISK}"
                    ledger.note(self.held, text)
        if why == "cancelled":
            text = f"{row.guest_name} was not touched: the migration was cancelled before it began."
            self._become(State.CANCELLED, text, created_volumes=left)
            return
        text = f"{row.guest_name} was not touched. {why}"
        self._become(State.FAILED, text, created_volumes=left, error={"cause": why, "what_to_do": ""})

    def _become(self, new: State, text: str, **fields: Any) -> None:
        ledger.change_state(self.held, self.state, new, text, **fields)
        self.state = new

    def _lap(self, name: str) -> None:
        now = time.monotonic()
        self.migration.timings = {**self.migration.timings, name: round(now - self._clock, 4)}
        self._clock = now


def _helper(facts: Facts) -> PeerHelper:
    """What the peer probe found to work and to keep libvirt's reasons readable."""
    peer = facts.peer
    return PeerHelper(peer.helper) if not isinstance(peer, Unknown) and peer.helper else PeerHelper.AUTO


def _connection(side: Side) -> HostConnection:
    if isinstance(side.connection, Unknown):
        raise NotStarted(side.connection.reason)
    return side.connection


def _close(opening: Future[HostConnection]) -> None:
    try:
        opening.result().close()
    except GatewayError:
        log.debug("the mover's connection was not there to close", exc_info=True)
