"""How fast a running VM writes its memory, measured while everything else is asked: the check takes no longer for it
than the rest of SECONDS."""

from __future__ import annotations

import time

from hosts.facts.guest import JobKind
from hosts.facts.memory_use import DirtyRate
from hosts.facts.unknown import Unknown
from hosts.gateway.probes.link_speed import link_speed
from migrations_app.domain.forecast.measured import Measured
from migrations_app.worker.facts.look import look
from migrations_app.worker.facts.side import Side

#: libvirt's shortest
SECONDS = 1
#: QEMU is a bit late, and no answer is worth more of a person's time
_PATIENCE = 0.5
_LOOK_SECONDS = 0.05


class Measuring:
    """Of one VM, on the source. Whatever does not work is not known then."""

    def __init__(self, uuid: str, side: Side) -> None:
        self._uuid, self._side = uuid, side
        self._until: float | None = None

    def begin(self) -> None:
        """Only of a VM that runs, and has no job."""
        seen = look(self._uuid, self._side)
        if isinstance(seen, Unknown) or not seen.runs or seen.job is not JobKind.NONE:
            return
        began = self._side.learn(lambda c: c.passes.memory.measure(self._uuid, SECONDS))
        if not isinstance(began, Unknown):
            self._until = time.monotonic() + SECONDS + _PATIENCE

    def result(self, destination: str, *, huge_pages: bool) -> Measured:
        """`destination`: the address that the migration goes to. What is in huge pages does not count as QEMU's, and
        how much of it is in use nobody tells."""
        use = self._side.learn(lambda c: c.passes.memory.use(self._uuid))
        nominal = self._side.learn(lambda c: c.probe(link_speed, destination)) if destination else None
        known = None if isinstance(use, Unknown) else use
        return Measured(
            memory_bytes=known.size if known else None,
            resident_bytes=known.resident if known and not huge_pages else None,
            dirty=self._dirty(),
            nominal_bps=None if isinstance(nominal, Unknown) else nominal,
        )

    def _dirty(self) -> DirtyRate | None:
        if self._until is None:
            return None
        while True:
            found = self._side.learn(lambda c: c.passes.memory.measured(self._uuid))
            if not isinstance(found, Unknown) and found is not None:
                return found
            if time.monotonic() > self._until:
                return None
            time.sleep(_LOOK_SECONDS)
