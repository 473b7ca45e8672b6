"""From the request to its kind's procedure: claim, take a slot, repeat the preflight, record, begin, follow."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from hosts import gateway
from hosts.facts.guest import GuestDetails, GuestLook
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError, HostConnection
from hosts.models import Host
from hosts.words.contact import unreachable
from kvmweb.queue import Detached
from migrations_app import ledger
from migrations_app.domain.gate import Refuse, Wait
from migrations_app.domain.lifecycle import WAITING, State
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Severity, Verdict
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.report import Report
from migrations_app.hooks import gate
from migrations_app.ledger import Claim, LostClaim
from migrations_app.models import Migration
from migrations_app.reading.rollback_copies import paths_on
from migrations_app.worker import peer_answers
from migrations_app.worker.facts.collect import collect
from migrations_app.worker.facts.others import others_of
from migrations_app.worker.facts.side import Side
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.policy_start import would_post_copy
from migrations_app.worker.probe_lock import probing
from migrations_app.worker.procedure import Cancelled, NotStarted, Ready
from migrations_app.worker.procedures import PROCEDURES
from migrations_app.worker.run_preflight import Connect, both_sides
from migrations_app.worker.slots import lock_slots, take, wake_queued, why_not
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.watch.felt import feeling
from migrations_app.worker.write_ahead import write_ahead

log = logging.getLogger(__name__)


class NoSlot(Exception):
    """It has to wait; the reason says for what."""


def run_migration(pk: int, *, connect: Connect = gateway.connect) -> None:
    """Do everything for one migration that waits; a second delivery finds it claimed and does nothing."""
    waiting = Migration.objects.filter(pk=pk, state__in=WAITING).select_related("source", "target").first()
    if waiting is None:
        return
    state = State(waiting.state)
    text = "Checking its host." if waiting.kind_row.same_host else "Checking both hosts."
    claim = ledger.claim(pk, states=[state], become=State.CHECKING, text=text, also=lambda: take(waiting))
    if claim is None:
        return
    held = Held(claim, Migration.objects.select_related("source", "target", "guest").get(pk=pk))
    try:
        with Heartbeat(claim) as heart, feeling(held):
            Start(held, heart, connect).run()
    except LostClaim as lost:
        log.info("%s", lost)
    except Detached:
        held.release()
        raise
    except Exception:
        log.exception("migration %s: the worker failed", pk)
        _stumbled(claim)
    wake_queued()


def _stumbled(claim: Claim) -> None:
    """An internal error. It ends a migration that has not begun; later the next worker takes over."""
    text = (
        "kvmweb could not start this migration because of an internal error; its log has the details. The VM was not"
        " touched."
    )
    rows = Migration.objects.filter(pk=claim.pk, epoch=claim.epoch, call_made=False, steps=[])
    state = rows.filter(state__in=[State.CHECKING, State.STARTING]).values_list("state", flat=True).first()
    if state is None:
        ledger.release(claim)
        return
    error = {"cause": "An internal error.", "what_to_do": ""}
    try:
        ledger.change_state(claim, State(state), State.FAILED, text, error=error)
    except LostClaim as lost:
        log.info("%s", lost)


class Start:
    def __init__(self, held: Held, heart: Heartbeat, connect: Connect) -> None:
        self.held = held
        self.row = held.row
        self.heart = heart
        self.connect = connect
        self.procedure = PROCEDURES[held.row.request.kind]
        self._clock = time.monotonic()
        if "dispatch" not in self.row.timings:
            waited = timezone.now() - self.row.requested_at
            self.row.timings = {"dispatch": round(waited.total_seconds(), 4)}

    def run(self) -> None:
        row = self.row
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
        row = self.row
        with ExitStack() as stack:
            with probing(row.guest_id, patience=10.0) as alone:
                elsewhere = others_of(row.request, without=(row.source, row.target), connect=self.connect)
                probe = alone and not row.kind_row.same_host
                facts, details = self._facts(source, target, opening, elsewhere, probe=probe)
                self._lap("facts")
                report = run_all(facts)
                if report.verdict is Verdict.BLOCKED:
                    self._blocked(report)
                    return
                there = None
                try:
                    self._tell_unknowns(report)
                    self._take_off(report, write_ahead(row, facts, report, details, source))
                    here = stack.enter_context(self._steady(row.source, source, row.source_host_uuid))
                    there = stack.enter_context(self._steady(row.target, target, row.target_host_uuid))
                    ready = Ready(
                        held=self.held, facts=facts, source=here, target=there, mover=lambda: self._mover(opening)
                    )
                    mover = self.procedure.begin(ready)
                except NoSlot as why:
                    self._queue(str(why), report)
                    return
                except NotStarted as why:
                    self._not_started(why, report, there)
                    return
            self.procedure.follow(self.held, here, there, self.heart, mover)

    def _facts(
        self,
        source: Side,
        target: Side,
        opening: Future[HostConnection],
        others: Mapping[str, GuestLook] | Unknown,
        *,
        probe: bool,
    ) -> tuple[Facts, GuestDetails | Unknown]:
        row = self.row
        reached = peer_answers.recent(row.source, row.target) if probe else None
        found = collect(row.request, source, target, probe=probe, aside=opening, others=others, reached=reached)
        if probe and reached is None:
            peer_answers.keep(row.source, row.target, found[0].peer)
        return replace(found[0], rollback_copies=paths_on(row.target), policy_post_copy=would_post_copy(row)), found[1]

    # --- preflight ------------------------------------------------------------------------------------------------

    def _seen(self, report: Report) -> dict[str, Any]:
        self.row.findings = told = [finding.as_json() for finding in report.findings]  # the gates judge these
        self.row.verdict = verdict = report.verdict
        return {"findings": told, "verdict": verdict, "copied_disks": report.copied, "timings": self.row.timings}

    def _blocked(self, report: Report) -> None:
        blockers = report.of(Severity.BLOCKER)
        text = " ".join([f"{self.row.guest_name} was not touched.", *(finding.summary for finding in blockers)])
        self.held.become(State.BLOCKED, text, **self._seen(report))

    def _tell_unknowns(self, report: Report) -> None:
        unknowns = [finding.summary for finding in report.of(Severity.UNKNOWN)]
        if unknowns:
            checks = "1 check is" if len(unknowns) == 1 else f"{len(unknowns)} checks are"
            self.held.note(f"Continues although {checks} unknown: {' '.join(unknowns)}", unknowns=unknowns)

    # --- start ----------------------------------------------------------------------------------------------------

    def _take_off(self, report: Report, record: dict[str, Any]) -> None:
        """The record is there before anything starts. Raises NoSlot, Cancelled."""

        def guard() -> None:
            """Inside the transaction that takes the slot."""
            lock_slots()
            self._not_cancelled()
            if why := why_not(self.row):
                raise NoSlot(why)
            said = gate(self.row)
            if isinstance(said, Refuse):
                raise NotStarted(said.sentence)
            if isinstance(said, Wait):
                raise NoSlot(said.sentence)

        what = "copy its disks" if self.row.kind_row.same_host else "migrate the VM"
        text = f"Asking libvirt on {self.row.source} to {what}."
        self.held.become(State.STARTING, text, guard=guard, **self._seen(report), **record)

    def _queue(self, why: str, report: Report) -> None:
        seen = self._seen(report)
        try:
            self.held.become(State.QUEUED, why, guard=self._not_cancelled, owner="", owner_pid=None, **seen)
        except Cancelled as cancelled:
            self._not_started(cancelled, report, None)

    def _not_cancelled(self) -> None:
        if ledger.stop_asked(self.held.claim):
            raise Cancelled

    def _steady(self, host: Host, side: Side, machine: UUID | None) -> SteadyConnection:
        if isinstance(side.connection, Unknown):
            raise NotStarted(side.connection.reason)
        return SteadyConnection(host, self.connect, side.connection, machine=machine)

    def _mover(self, opening: Future[HostConnection]) -> HostConnection:
        self.heart.check()
        self._not_cancelled()
        try:
            return opening.result()
        except GatewayError as error:
            raise NotStarted(unreachable(self.row.source, error.message)[0]) from error

    def _not_started(self, why: NotStarted, report: Report, there: SteadyConnection | None) -> None:
        """What was prepared is undone."""
        row, seen = self.row, {} if self.held.state is State.STARTING else self._seen(report)
        if row.steps and there is not None:
            self.procedure.undo(self.held, there)
        if isinstance(why, Cancelled):
            text = f"{row.guest_name} was not touched: the migration was cancelled before it began."
            self.held.become(State.CANCELLED, text, **seen)
            return
        error = {"cause": str(why), "what_to_do": ""}
        self.held.become(State.FAILED, f"{row.guest_name} was not touched. {why}", error=error, **seen)

    def _lap(self, name: str) -> None:
        now = time.monotonic()
        self.row.timings = {**self.row.timings, name: round(now - self._clock, 4)}
        self._clock = now


def _close(opening: Future[HostConnection]) -> None:
    try:
        opening.result().close()
    except GatewayError:
        log.debug("the mover's connection was not there to close", exc_info=True)
