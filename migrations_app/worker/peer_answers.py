"""The start of a migration does not repeat a peer probe that has just reached the destination.

The probe costs a login from host to host, most of what kvmweb adds to a migration over ssh. libvirt makes the same
connection before it touches the VM, so an answer that is no longer true fails the migration and nothing else.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from django.utils import timezone

from hosts.facts.unknown import Unknown
from hosts.models import Host
from migrations_app.domain.lifecycle import State
from migrations_app.domain.preflight.facts import PeerFact
from migrations_app.models import Migration, PeerAnswer

COUNTS_SECONDS = 60


def recent(source: Host, target: Host) -> PeerFact | None:
    """The answer, when it is new enough, the way is the same, and no migration on it has failed since."""
    since = timezone.now() - timedelta(seconds=COUNTS_SECONDS)
    answer = PeerAnswer.objects.filter(source=source, target=target, at__gte=since).first()
    if answer is None or answer.way != _way(source, target):
        return None
    failed = Migration.objects.filter(source=source, target=target, state=State.FAILED, finished_at__gte=answer.at)
    return None if failed.exists() else PeerFact(reached=True, helper=answer.helper)


def helper(source: Host, target: Host) -> str:
    """What worked last between them, however long ago; "" when that is not known."""
    answer = PeerAnswer.objects.filter(source=source, target=target).first()
    return answer.helper if answer is not None and answer.way == _way(source, target) else ""


def keep(source: Host, target: Host, fact: PeerFact | Unknown) -> None:
    """After a probe. What is not a plain yes takes the older answer away."""
    if isinstance(fact, Unknown) or not fact.reached:
        PeerAnswer.objects.filter(source=source, target=target).delete()
        return
    values = {"way": _way(source, target), "helper": fact.helper, "at": timezone.now()}
    PeerAnswer.objects.update_or_create(source=source, target=target, defaults=values)


def _way(source: Host, target: Host) -> dict[str, object]:
    peer = target.peer
    return {"source": asdict(source.endpoint), "peer": asdict(peer) if peer else None}
