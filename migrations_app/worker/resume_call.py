"""The call that resumes a post-copy: that of the start, from what is written down, with libvirt's flag to resume."""

from __future__ import annotations

from django.conf import settings

from hosts.calls.move import Flag, MigrateCall, PeerHelper
from hosts.gateway.port import GatewayError
from migrations_app.worker import peer_answers
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.policy_start import options_in_effect
from migrations_app.worker.steady_connection import SteadyConnection


def resume_call(held: Held, source: SteadyConnection) -> Mover:
    """A call that has not begun, over a connection of its own. Raises GatewayError."""
    row = held.row
    peer = row.target.peer
    if peer is None:
        raise GatewayError(f"{row.target} has no address for other hosts.")
    options = options_in_effect(row).for_guest(persistent=bool(row.was_persistent)).for_disks(())
    helper = peer_answers.helper(row.source, row.target)
    call = MigrateCall(
        uuid=held.guest,
        peer=peer,
        helper=PeerHelper(helper) if helper else PeerHelper.AUTO,
        migration_address=options.migration_address or row.target.migration_address,
        flags=options.flags() | {Flag.POSTCOPY, Flag.POSTCOPY_RESUME},
        parameters=options.parameters(),
    )
    return Mover(source.open(row.source.endpoint, deadline=settings.KVMWEB.host_deadline_seconds), call)
