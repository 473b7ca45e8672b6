"""One libvirt call for a running guest: volumes for the copied disks, the call, and the watch around it."""

from __future__ import annotations

import posixpath
from functools import partial

from hosts.calls.move import MigrateCall, PeerHelper
from hosts.facts.storage import DiskPlace, VolumeSpec
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError, HostConnection
from kvmweb.steps import NotDone
from migrations_app.domain.disks import MAYBE_OWN_DISK
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.preflight import images, storage
from migrations_app.domain.preflight.facts import Facts
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.policy_start import options_in_effect
from migrations_app.worker.procedure import NotStarted, Procedure, Ready, ask_libvirt
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.make_volume import MakeVolume, make_volumes, remove_volumes
from migrations_app.worker.steps.taken_out import take_out
from migrations_app.worker.taking_out import to_take_out
from migrations_app.worker.watch.steering import TalkedTo
from migrations_app.worker.watch.watch import Watch

#: what libvirt says when it is to make a volume where something is: STORAGE_VOL_EXIST, OPERATION_INVALID
EXISTS = (90, 55)


class Live:
    def begin(self, ready: Ready) -> Mover | None:
        """None when something was taken out of the guest and libvirt was not asked: who follows puts it back."""
        if ready.held.felt is not None:
            ready.held.felt.ask_agent(ready.source)
        call = call_of(ready)
        try:
            plan = to_take_out(ready)
            if plan:
                ready.mover()  # cancelled by now?
            take_out(ready.held, ready.source, plan)
            return ask_libvirt(ready, call)
        except (GatewayError, NotDone, NotStarted) as why:
            if ready.held.row.taken_out:
                ready.held.update(error={"cause": str(why), "what_to_do": "", "libvirt": ""})
                return None
            if isinstance(why, NotStarted):
                raise
            raise NotStarted(str(why)) from why

    def follow(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        told: TalkedTo = {}
        while (resumed := Watch(held, source, target, heart, mover, told).run()) is not None:
            mover = resumed

    def undo(self, held: Held, target: SteadyConnection) -> None:
        look = target.look(held.guest)
        if look.answered and not look.present:
            remove_volumes(held, target)
        elif paths := ", ".join(volume["path"] for volume in held.row.created_volumes):
            held.note(f"Left on {held.row.target}, because it may be in use there: {paths}. {MAYBE_OWN_DISK}")


def call_of(ready: Ready) -> MigrateCall:
    row = ready.held.row
    options = options_in_effect(row).for_guest(persistent=bool(row.was_persistent))
    peer = row.target.peer
    if peer is None:
        raise NotStarted(f"{row.target} has no address for other hosts.")
    copied, places = make_copies(ready)
    options = options.for_disks(copied)
    return MigrateCall(
        uuid=ready.held.guest,
        peer=peer,
        helper=helper(ready.facts),
        migration_address=options.migration_address or row.target.migration_address,
        live=not KIND[row.request.kind].pauses,
        copy_disks=copied,
        places=places,
        flags=options.flags(),
        parameters=options.parameters(copied),
    )


def make_copies(ready: Ready) -> tuple[tuple[str, ...], dict[str, DiskPlace]]:
    """Makes the volumes for the disks that this start's preflight judged as copied: those and no others. Also where the
    destination has those whose definition must say something else than the source's."""
    facts, held = ready.facts, ready.held
    copied = held.row.copied_disks
    if copied is None or isinstance(facts.guest.definition, Unknown):
        raise NotStarted("kvmweb cannot tell which disks to copy.")
    plan, places = [], {}
    try:
        for disk in (disk for disk in facts.guest.definition.disks if disk.target in copied):
            path, pool = storage.target_path(facts, disk), storage.copy_pool(facts, disk)
            if pool is None or not path:
                raise NotStarted(f"{held.row.target} has no storage pool for {path or disk.target}.")
            new = storage.new_place(facts, disk)
            size = ready.source.call(partial(_virtual_size, held.guest, disk.target))
            spec = VolumeSpec(
                pool=pool.name,
                name=new.volume or posixpath.basename(path),
                format=new.format or "raw",
                capacity=size,
                qcow2=images.copied_image(facts, disk),
            )
            plan.append(MakeVolume.plan(held, ready.target, target=disk.target, path=path, spec=spec))
            if new is not disk or disk.backing or disk.backing_elsewhere:
                places[disk.target] = DiskPlace(path=path, pool=spec.pool, volume=spec.name, format=spec.format)
        make_volumes(held, plan)
    except (GatewayError, NotDone) as error:
        why = f"kvmweb could not create the volumes on {held.row.target}: {error}"
        exists = getattr(error.__cause__ or error, "code", 0) in EXISTS
        raise NotStarted(f"{why}. {MAYBE_OWN_DISK}" if exists else why) from error
    return tuple(copied), places


def _virtual_size(guest: str, target: str, connection: HostConnection) -> int:
    return connection.disks.virtual_size(guest, target)


def helper(facts: Facts) -> PeerHelper:
    """What the peer probe found to work and to keep libvirt's reasons readable."""
    peer = facts.peer
    return PeerHelper(peer.helper) if not isinstance(peer, Unknown) and peer.helper else PeerHelper.AUTO


PROCEDURES: dict[Kind, Procedure] = {Kind.LIVE: Live(), Kind.LIVE_STORAGE: Live()}
