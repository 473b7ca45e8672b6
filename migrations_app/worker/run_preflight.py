"""A worker answers a preflight that a user asked for."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from hosts import gateway
from hosts.facts import domain_xml
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError, HostConnection
from hosts.models import Host
from hosts.words.contact import unreachable
from kvmweb.journal import writer
from kvmweb.queue import Detached
from kvmweb.web.plain import isolated
from migrations_app.domain.forecast.measured import Measured
from migrations_app.domain.preflight.catalog import allows_post_copy, run_all
from migrations_app.domain.preflight.check import Verdict
from migrations_app.domain.preflight.streams import foretold
from migrations_app.ledger.path_rates import address_of
from migrations_app.models import Migration, Preflight
from migrations_app.models.migration import BUSY
from migrations_app.reading.forecast import forecast_for
from migrations_app.reading.rollback_copies import paths_on
from migrations_app.worker import peer_answers
from migrations_app.worker.facts.collect import collect
from migrations_app.worker.facts.measured import Measuring
from migrations_app.worker.facts.others import others_of
from migrations_app.worker.facts.side import Connection, Side
from migrations_app.worker.policy_start import may_switch, policy_asked_for
from migrations_app.worker.probe_lock import probing

log = logging.getLogger(__name__)
Connect = Callable[..., HostConnection]
#: for the questions of one check; less than a user waits for its answer (keep_preflights.PATIENCE)
MOST_SECONDS = 40.0
#: checks of what only a VM has, not its definition
OF_A_VM = frozenset(("checkpoints", "guest_busy", "guest_state", "snapshots"))


def run_preflight(pk: int, *, connect: Connect = gateway.connect) -> None:
    """Fill in the row once; a second delivery does nothing."""
    preflight = (
        Preflight.objects.select_related("guest", "source", "target").filter(pk=pk, seen_at=None, error="").first()
    )
    if preflight is None:
        return
    try:
        _answer(preflight, connect)
    except Detached:
        _finish(preflight, error="kvmweb was stopped during the check. Check again.")
        raise
    except Exception:
        log.exception("preflight %s: the worker failed", pk)
        _finish(preflight, error="The check failed because of an internal error; kvmweb's log has the details.")


def _answer(preflight: Preflight, connect: Connect) -> None:
    if preflight.source is not None:
        _answer_definition(preflight, preflight.source, connect)
        return
    guest = preflight.vm
    sighting = guest.current_sighting()
    if sighting is None:
        _finish(preflight, error=f"No registered host reports {isolated(guest.name)}.")
        return
    with (
        both_sides(sighting.host, preflight.target, connect=connect, seconds=MOST_SECONDS) as (source, target),
        probing(guest.pk, patience=2.0) as alone,
    ):
        between = not preflight.kind_row.same_host
        probe = alone and between and not Migration.objects.filter(BUSY, guest=guest).exists()
        measuring = Measuring(str(guest.pk), source)
        measures = probe and preflight.kind_row.has_policy  # its memory is copied while it runs
        if measures:
            measuring.begin()
        elsewhere = others_of(preflight.request, without=(sighting.host, preflight.target), connect=connect)
        facts, _ = collect(preflight.request, source, target, probe=probe, others=elsewhere)
        if probe:
            peer_answers.keep(sighting.host, preflight.target, facts.peer)
        policy = policy_asked_for(preflight.request, guest, sighting.host)
        post_copy = may_switch(preflight.request, policy, guest)
        facts = replace(facts, rollback_copies=paths_on(preflight.target), policy_post_copy=post_copy)
        if measures:
            found = facts.guest.definition
            huge = isinstance(found, Unknown) or found.hugepages
            preflight.measured = measuring.result(
                address_of(preflight.target, preflight.request.options.migration_address or ""), huge_pages=huge
            ).as_json()
    report = run_all(facts)
    findings = [finding.as_json() for finding in report.findings]
    _finish(
        preflight,
        verdict=report.verdict,
        findings=findings,
        copied_disks=report.copied,
        measured=preflight.measured,
        forecast={}
        if report.verdict is Verdict.BLOCKED or foretold(findings)
        else forecast_for(
            preflight.asked_by,
            preflight.request,
            guest,
            sighting.host,
            paused=facts.guest.paused,
            post_copy=allows_post_copy(facts),
            measured=Measured.from_json(preflight.measured),
        ),
    )


def _answer_definition(preflight: Preflight, source_host: Host, connect: Connect) -> None:
    """No VM has this definition yet: what only a VM can have is not checked, and no earlier migration tells how long
    it would take."""
    definition = domain_xml.parse(preflight.definition)
    definition = replace(definition, uuid=str(UUID(definition.uuid)))  # libvirt takes other ways to write it too
    request = preflight.request_for(definition.uuid)
    with both_sides(source_host, preflight.target, connect=connect, seconds=MOST_SECONDS) as (source, target):
        facts, _ = collect(request, source, target, probe=False, given=definition)
    report = run_all(facts, skip=OF_A_VM)
    _finish(
        preflight,
        verdict=report.verdict,
        findings=[finding.as_json() for finding in report.findings],
        copied_disks=report.copied,
    )


def _finish(preflight: Preflight, **fields: object) -> None:
    Preflight.objects.filter(pk=preflight.pk, seen_at=None).update(seen_at=timezone.now(), definition="", **fields)
    writer.signal(f"preflight:{preflight.pk}")


@contextmanager
def both_sides(
    source: Host, target: Host, *, connect: Connect, seconds: float = math.inf
) -> Iterator[tuple[Side, Side]]:
    """Connect to both hosts at once; a host that cannot be reached is a side that says why. After `seconds` they are
    asked nothing more."""
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(max_workers=2) as pool:
        opened = list(pool.map(lambda host: _open(host, connect), (source, target)))
    try:
        here, there = opened
        yield Side(host=source, connection=here, until=until), Side(host=target, connection=there, until=until)
    finally:
        for connection in opened:
            if not isinstance(connection, Unknown):
                connection.close()


def _open(host: Host, connect: Connect) -> Connection:
    try:
        return connect(host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
    except GatewayError as error:
        return Unknown(*unreachable(host, error.message))
