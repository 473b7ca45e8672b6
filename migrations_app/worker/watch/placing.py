"""Act: what is done on the host with disks that go to another place."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from hosts.gateway.port import HostConnection, Tell
from kvmweb.steps import NotDone, Step, Steps
from migrations_app.domain.outcome.decision import Action, At, Copying, DiskNow
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.copy_content import CopyContent
from migrations_app.worker.steps.make_volume import remove_volumes
from migrations_app.worker.steps.placed_disk import CopyDisk, SavePlace, SwitchDisk
from migrations_app.worker.watch.placed_disks import disks_now, look, old_places, places_of

_COPIES = (Copying.YES, Copying.READY)


class Placing:
    """`trouble`: what libvirt said to the last thing that could not be done. `tell`: see the gateway."""

    def __init__(self, held: Held, host: SteadyConnection, tell: Tell, *, trouble: str) -> None:
        self._held = held
        self._host = host
        self._tell = tell
        self.trouble = trouble

    def act(self, actions: Iterable[Action], disks: tuple[DiskNow, ...], *, patient: bool) -> None:
        """`patient`: what may still happen by itself is no trouble yet."""
        for action in actions:
            match action:
                case Action.COPY_DISKS:
                    self._do(self._copies(disks), patient=patient)
                case Action.SWITCH_DISKS:
                    self._do(self._switches(disks), patient=patient)
                case Action.SAVE_PLACES:
                    self._do(self._saves(disks), patient=patient)
                case Action.STOP_COPIES:
                    for disk in disks:
                        if disk.copying in _COPIES:
                            self._host.do(partial(_stop, self._held.guest, disk.target))

    def _do(self, plan: list[Step], *, patient: bool) -> None:
        """One after the other, up to the first that fails: what the host says then decides."""
        self.trouble = ""
        try:
            Steps(self._held).go(plan)
        except NotDone as error:
            if error.certain or not patient:
                self.trouble = str(error)

    def _copies(self, disks: tuple[DiskNow, ...]) -> list[Step]:
        held, host, places = self._held, self._host, places_of(self._held.row)
        if self._off:
            return self._contents(disks)
        return [
            CopyDisk(held=held, host=host, target=disk.target, place=places[disk.target])
            for disk in disks
            if not disk.copied
        ]

    def _contents(self, disks: tuple[DiskNow, ...]) -> list[Step]:
        held, host, places, old = self._held, self._host, places_of(self._held.row), old_places(self._held.row)
        return [
            CopyContent(held=held, host=host, target=name, old=old[name], new=places[name], tell=self._tell)
            for name in (disk.target for disk in disks if not disk.copied)
        ]

    @property
    def _off(self) -> bool:
        """The VM was shut off when it began."""
        return self._held.row.source_run == -1

    def _switches(self, disks: tuple[DiskNow, ...]) -> list[Step]:
        held, host, places = self._held, self._host, places_of(self._held.row)
        return [
            SwitchDisk(held=held, host=host, target=disk.target, place=places[disk.target])
            for disk in disks
            if disk.running is At.OLD and disk.copying is Copying.READY
        ]

    def _saves(self, disks: tuple[DiskNow, ...]) -> list[Step]:
        held, host, off = self._held, self._host, self._off
        places, old = places_of(held.row), old_places(held.row)
        return [
            SavePlace(held=held, host=host, target=name, place=places[name], off=off, old=old[name])
            for name in (
                disk.target
                for disk in disks
                if disk.saved is not At.NEW and (off or disk.running is At.NEW or disk.switched)
            )
        ]


def _stop(guest: str, target: str, connection: HostConnection) -> None:
    connection.disks.stop(guest, target)


def remove_unused(held: Held, host: SteadyConnection) -> None:
    """The volumes that this migration made, but those that a definition or a block job uses, or may use."""
    made = held.row.created_volumes
    if not made:
        return
    seen = look(held.row, host)
    if seen.disks is None:
        paths = ", ".join(volume["path"] for volume in made)
        held.note(f"Left on {held.row.target}, because the VM may use it: {paths}.")
        return
    now = {disk.target: disk for disk in disks_now(held.row, seen.disks)}
    used = [volume["target"] for volume in made if _may_use(now.get(volume["target"]))]
    remove_volumes(held, host, keep=used)


def _may_use(disk: DiskNow | None) -> bool:
    return disk is None or At.NEW in (disk.running, disk.saved) or disk.copying in _COPIES
