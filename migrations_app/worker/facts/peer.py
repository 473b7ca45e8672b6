"""Whether the source's libvirt reaches the destination's."""

from __future__ import annotations

from hosts.facts.unknown import Unknown
from hosts.gateway.port import PeerResult
from migrations_app.domain.preflight.facts import PeerFact
from migrations_app.worker.facts.side import Side

PROBE_SECONDS = 8.0


def peer(uuid: str, source: Side, target: Side) -> PeerFact | Unknown:
    way = target.host.peer
    if way is None:
        return PeerFact(reached=False, message=f"{target.host.name} has no address for other hosts.")
    answer = source.learn(lambda c: c.probe_peer(uuid, way, deadline=PROBE_SECONDS))
    if isinstance(answer, Unknown):
        return answer
    if answer.result is PeerResult.UNKNOWN:
        return Unknown(answer.message)
    return PeerFact(reached=answer.result is PeerResult.REACHED, message=answer.message, helper=str(answer.helper))
