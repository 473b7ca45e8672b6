"""Offline with storage: the guest is started paused, so that libvirt copies its disks and migrates it as a live one; it
never runs, and is ended where its migration leaves it. When the source cannot start it, kvmweb copies the disks itself,
and its definition migrates."""

from __future__ import annotations

import dataclasses
from functools import partial

from django.utils import timezone

from hosts.calls.move import Flag
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError
from kvmweb.steps import NotDone
from migrations_app.domain.kinds import Kind
from migrations_app.domain.own_files import own_files
from migrations_app.domain.preflight.streams import why_not_stream
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.procedure import NotStarted, Procedure, Ready, ask_libvirt
from migrations_app.worker.procedures.live import Live, call_of, helper
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.copy_content import file_size, modified
from migrations_app.worker.steps.copy_own_file import copy_own_files, remove_own_files
from migrations_app.worker.steps.paused_guest import start_paused
from migrations_app.worker.watch.paused import PausedWatch
from migrations_app.worker.watch.placed_disks import old_places
from migrations_app.worker.watch.sending import follow
from migrations_app.worker.watch.streamed import StreamWatch


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
                _begin_streams(ready, why)
                return None
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
        if held.row.stream:
            follow(partial(StreamWatch, held, source, target, heart), mover)
        else:
            PausedWatch(held, source, target, heart, mover).run()

    def undo(self, held: Held, target: SteadyConnection) -> None:
        look = target.look(held.guest)
        if look.answered and not look.present:
            remove_own_files(held, target)
        super().undo(held, target)


def _carry_variables(ready: Ready) -> None:
    definition = ready.facts.guest.definition
    if isinstance(definition, Unknown):
        return
    files = [file for file in own_files(definition) if file.path == definition.boot.nvram]
    try:
        copy_own_files(ready.held, files, ready.source, ready.target)
    except NotDone as why:
        raise NotStarted(str(why)) from why


def _begin_streams(ready: Ready, refused: NotDone) -> None:
    """Nothing is copied yet: who follows does."""
    held, source, target, refusal = ready.held, ready.source, ready.target, str(refused)
    said = f"{source.host} could not start it paused: {refusal.rstrip('.')}."
    if _in_use(ready, refused.__cause__):
        raise NotStarted(f"{said} Something may use its disks, so kvmweb does not copy them.")
    if why := why_not_stream(ready.facts):
        raise NotStarted(f"{said} {why}")
    try:
        old = old_places(held.row)
        sizes = {disk: source.call(partial(file_size, place=place)) for disk, place in old.items()}
        times = {disk: source.call(partial(modified, place=place)) for disk, place in old.items()}
    except GatewayError as error:
        raise NotStarted(f"{said} kvmweb could not read its disks: {error}") from error
    stream = {"because": refusal, "helper": str(helper(ready.facts)), "sizes": sizes, "modified": times}
    # what was forecast is how long libvirt's copy takes
    held.update(stream=stream, forecast={}, started_at=timezone.now(), timings=held.row.timings)
    held.note(f"{said} So kvmweb copies its disks to {target.host} itself, and its definition migrates after that.")


def _in_use(ready: Ready, why: BaseException | None) -> bool:
    """By what the refusal is, and by whether somebody has started the guest meanwhile."""
    held = isinstance(why, GatewayError) and why.held
    return held or ready.source.look(ready.held.guest).active


PROCEDURES: dict[Kind, Procedure] = {Kind.OFFLINE_STORAGE: OfflineStorage()}
