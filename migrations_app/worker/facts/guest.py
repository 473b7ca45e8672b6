"""What the source says of the guest."""

from __future__ import annotations

from hosts.facts.guest import GuestDetails, GuestLook
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.facts.guest import GuestFacts
from migrations_app.worker.facts.block_jobs import block_jobs
from migrations_app.worker.facts.runtime import runtime
from migrations_app.worker.facts.side import Side


def guest(uuid: str, details: GuestDetails | Unknown, seen: GuestLook | Unknown, side: Side) -> GuestFacts:
    if isinstance(details, Unknown):
        return GuestFacts(
            definition=details,
            look=seen,
            persistent=details,
            snapshots=details,
            checkpoints=details,
            managed_save=details,
            block_jobs=details,
            runtime=details,
        )
    definition = details.live or details.definition
    return GuestFacts(
        definition=definition,
        look=seen,
        persistent=details.persistent,
        snapshots=details.snapshots,
        checkpoints=side.learn(lambda c: c.checkpoints(uuid)),
        managed_save=details.managed_save,
        block_jobs=block_jobs(uuid, definition, seen, side),
        runtime=runtime(uuid, seen, side),
    )
