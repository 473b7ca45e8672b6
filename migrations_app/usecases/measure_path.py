"""A user wants to know what the path between two hosts carries. A worker sends a stream over it."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from hosts.facts.endpoint import Transport
from hosts.models import Host
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from migrations_app.ledger.path_rates import address_of, migrating_words, wish_path
from migrations_app.models import PathRate
from migrations_app.models.path_rate import running

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: between two wishes for one path
AGAIN_SECONDS = 30
#: streams at the same time. Preflight checks wait behind them.
MOST_AT_ONCE = 3
LOST = "No worker answered in time. Measure again; if this happens again, kvmweb's workers are not running."
#: where programs can be started
_SHELLS = (Transport.SSH, Transport.UNIX)


class NotMeasurable(Exception):
    """Not now, or not between these hosts."""


def measure_path(source: Host, target: Host, *, by: User, reason: str = "") -> PathRate:
    """Raises PermissionDenied, NotMeasurable."""
    require(by, Right.MOVE, source)
    require(by, Right.MOVE, target)
    with transaction.atomic():
        _offered(source, target)
        row = wish_path(source, target, by=by)
        if row is None:
            raise NotMeasurable("Somebody else has just asked for this path. Look again in some seconds.")
        text = f"{isolated(by.get_username())} asked for a probe stream from {source} to {target}"
        body = {"source": source.pk, "target": target.pk}
        for host in (source, target):
            writer.write(writer.host_topic(host.pk), EntryKind.ACTION, text, body=body, actor=by, reason=reason)
        enqueue("migrations_app.tasks.measure_path", row.pk, row.epoch)
    return row


def answered(row: PathRate) -> PathRate:
    """One that has waited too long is answered here, so that nobody waits for ever."""
    if row.ended_at is None and not row.open:
        lost = PathRate.objects.filter(pk=row.pk, epoch=row.epoch, ended_at=None)
        lost.update(ended_at=timezone.now(), error=LOST)
        row.refresh_from_db()
    return row


def _offered(source: Host, target: Host) -> None:
    """Of two users at once, the second waits for the rows of the hosts."""
    hosts = [source.pk, target.pk]
    list(Host.objects.select_for_update().filter(pk__in=hosts).order_by("pk").values_list("pk"))
    if source == target:
        raise NotMeasurable("Source and destination are the same host.")
    for host in (source, target):
        if host.transport not in _SHELLS:
            raise NotMeasurable(f"A probe stream needs both hosts registered by ssh; {host} is not.")
    if not address_of(target):
        raise NotMeasurable(f"Other hosts have no address for {target}.")
    now = timezone.now()
    streams = PathRate.objects.filter(running())
    if streams.filter(Q(source__in=hosts) | Q(target__in=hosts)).exists():
        raise NotMeasurable("A probe stream from or to one of these hosts is running. Wait until it has ended.")
    if streams.count() >= MOST_AT_ONCE:
        raise NotMeasurable(f"{MOST_AT_ONCE} probe streams are running already. Try again in some seconds.")
    last = PathRate.objects.filter(source=source, target=target, asked_at__gt=now - timedelta(seconds=AGAIN_SECONDS))
    if (row := last.first()) is not None:
        left = math.ceil(max(1.0, AGAIN_SECONDS - (now - row.asked_at).total_seconds()))
        raise NotMeasurable(f"This path was measured a moment ago. It can be measured again in {left} s.")
    if why := migrating_words(source, target):
        raise NotMeasurable(why)
