"""Offline with storage: the guest is started paused, so that libvirt copies its disks and migrates it as a live one; it
never runs, and is ended where its migration leaves it."""

from __future__ import annotations

import dataclasses

from hosts.calls.move import Flag
from hosts.facts.unknown import Unknown
from kvmweb.steps import NotDone
from migrations_app.domain.kinds import Kind
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.procedure import NotStarted, Procedure, Ready, ask_libvirt
from migrations_app.worker.procedures.live import Live, call_of
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.copy_variables import copy_variables, remove_variables
from migrations_app.worker.steps.paused_guest import start_paused
from migrations_app.worker.watch.paused import PausedWatch


class OfflineStorage(Live):
    def begin(self, ready: Ready) -> Mover | None:
        """None once it may be paused on the source and libvirt was not asked: who follows ends it."""
        call = call_of(ready)
        call = dataclasses.replace(call, flags=call.flags | {Flag.PAUSED})
        _carry_variables(ready)
        ready.mover()  # cancelled by now?
        try:
            start_paused(ready.held, ready.source)
            return ask_libvirt(ready, call)
        except NotDone as why:
            if why.certain:
                raise NotStarted(f"{ready.source.host} could not start it paused: {why}") from why
            ready.held.update(error={"cause": "", "what_to_do": "", "libvirt": str(why)})
        except NotStarted as why:
            ready.held.note(str(why) or "It was cancelled before libvirt was asked to migrate it.")
        return None

    def follow(
        self,
        held: Held,
        source: SteadyConnection,
        target: SteadyConnection,
        heart: Heartbeat,
        mover: Mover | None = None,
    ) -> None:
        PausedWatch(held, source, target, heart, mover).run()

    def undo(self, held: Held, target: SteadyConnection) -> None:
        look = target.look(held.guest)
        if look.answered and not look.present:
            remove_variables(held, target)
        super().undo(held, target)


def _carry_variables(ready: Ready) -> None:
    definition = ready.facts.guest.definition
    path = "" if isinstance(definition, Unknown) else definition.boot.nvram
    if not path:
        return
    try:
        copy_variables(ready.held, path, ready.source, ready.target)
    except NotDone as why:
        raise NotStarted(f"kvmweb could not copy the UEFI variables to {ready.target.host}: {why}") from why


PROCEDURES: dict[Kind, Procedure] = {Kind.OFFLINE_STORAGE: OfflineStorage()}
