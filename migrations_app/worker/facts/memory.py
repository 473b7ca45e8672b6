"""The memory of the destination; what is free by its kernel, where that can be asked."""

from __future__ import annotations

from dataclasses import replace

from hosts.facts.host import NodeMemory
from hosts.facts.unknown import Unknown
from hosts.gateway.probes.available_memory import available_memory
from migrations_app.worker.facts.side import Side


def memory(side: Side) -> NodeMemory | Unknown:
    found = side.learn(lambda c: c.memory())
    available = side.learn(lambda c: c.probe(available_memory))
    if isinstance(found, Unknown) or isinstance(available, Unknown) or available is None:
        return found
    return replace(found, free_kib=available)
