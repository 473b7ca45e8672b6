"""The source as the host on which the guest starts: asked of one that is shut off and starts there to migrate."""

from __future__ import annotations

from typing import Any

from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import Storage
from migrations_app.domain.kinds import KIND
from migrations_app.domain.preflight.facts.host import SourceFacts, TargetFacts
from migrations_app.domain.request import MigrationRequest
from migrations_app.worker.facts.files import files
from migrations_app.worker.facts.memory import memory
from migrations_app.worker.facts.qemu import cpu, domcaps
from migrations_app.worker.facts.saved import NAMED, Definition
from migrations_app.worker.facts.side import Side
from migrations_app.worker.facts.supplies import supplies


def home(
    request: MigrationRequest, definition: Definition, here: dict[str, Any], seen: SourceFacts, side: Side
) -> TargetFacts | None:
    """`here` and `seen`: what the source has said already."""
    if isinstance(definition, Unknown) or not KIND[request.kind].starts_paused:
        return None
    every, pools = (definition,), here["pools"]
    own = definition.virt_type == "kvm" and definition.cpu.mode != NAMED
    return TargetFacts(
        **here,
        volumes=seen.volumes,
        mounts=seen.mounts,
        devices=seen.devices,
        memory=memory(side),
        interfaces=side.learn(lambda c: c.interfaces()),
        files=files(every, side, Storage(pools=() if isinstance(pools, Unknown) else pools)),
        domcaps=domcaps(definition, side),
        cpu=(True, "The VM gets the CPU of the host it starts on.") if own else cpu(definition, side),
        same_uuid=None,
        same_name=None,
        **supplies(every, side),
    )
