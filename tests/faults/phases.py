"""The phases of a migration: how one is brought there, how that is recognised, and what holds it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.lab.serving import wait_until

if TYPE_CHECKING:
    from tests.faults.cell import Cell

STORAGE_GUEST = "build-01"
"""Its disk is on kvm-a only, so a migration copies it."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """`mbit` shapes the migration network from before the request until the fault is over. `reach` returns when the
    migration is in the phase; what holds it there ends by `let_go`, right after the fault has been done. `kind` is the
    method, "" for the live one that suits the VM; `off`: the VM is shut off."""

    name: str
    guest: str
    reach: Callable[[Cell], None]
    let_go: Callable[[Cell], None] = lambda cell: None
    options: dict[str, Any] = field(default_factory=dict)
    mbit: int | None = None
    kind: str = ""
    off: bool = False


def _checking(cell: Cell) -> None:
    """What kvm-b answers to kvmweb is held back."""
    cell.target.mute(cell.lab.machine_address)
    cell.request()
    cell.kvmweb.wait_for_state(cell.pk, "checking", seconds=20)


def _disks(cell: Cell) -> None:
    """Once the VM, which may have just been made, has filled its disk: else there is nothing to copy."""
    filled = next(spec.disk_fill_mib for spec in cell.lab.state.guests if spec.name == cell.guest) << 20
    wait_until(lambda: _allocated(cell) >= filled, 60, "its disk is filled", tell=cell.tell)
    cell.request()
    cell.kvmweb.wait_for_state(cell.pk, "copying_disks", seconds=30)


def _allocated(cell: Cell) -> int:
    """Bytes of the disk's file at the source."""
    path = f"/var/lib/libvirt/images/{cell.guest}.qcow2"
    return int(cell.source.exec("stat", "-c", "%b", path)) * 512


def _memory(cell: Cell) -> None:
    cell.request()
    cell.kvmweb.wait_for_state(cell.pk, "copying_memory", seconds=60)
    wait_until(lambda: cell.shown()["progress"]["percent"] >= 5, 30, "memory is copied", tell=cell.tell)


def _switch_over(cell: Cell) -> None:
    """By virsh, for this must be hit within a moment; kvmweb may see it later."""
    cell.request()
    wait_until(lambda: cell.virsh_state(cell.source) == "paused (migrating)", 90, "it switches over", tell=cell.tell)


def _offline(cell: Cell) -> None:
    """libvirt was asked, and what kvm-b answers to kvm-a is held back: its call does not come to an end. The check right
    before uses the answer of the preflight check (worker/peer_answers.py)."""
    cell.source.virsh("destroy", cell.uuid)
    cell.kvmweb.wait_for_guest(cell.guest, cell.source.name, "shut off")
    wanted = {"guest": cell.uuid, "target": cell.target.name, "kind": "offline"}
    assert cell.kvmweb.preflight(wanted).status == 200
    cell.target.mute(cell.source.address)
    cell.request()
    wait_until(lambda: cell.shown()["started_at"] is not None, 30, "libvirt was asked", tell=cell.tell)


def _arrival(cell: Cell) -> None:
    """libvirt on kvm-b starts the VM, and what it answers to kvm-a is held back: kvm-a has not let it go yet."""
    _switch_over(cell)
    cell.target.mute(cell.source.address)
    cell.lab.shape(None)
    wait_until(lambda: cell.virsh_state(cell.target).startswith("running"), 30, "it arrives", tell=cell.tell)


def _unmute(cell: Cell) -> None:
    cell.target.unmute()


#: kvm-a stops the VM as soon as the rest can travel within 8 s, and at 24 Mbit/s the rest then takes seconds
_LONG_STOP: dict[str, Any] = {"max_downtime_ms": 8000}
CHECKING = Phase(name="checking", guest="web-01", reach=_checking, let_go=_unmute)
DISKS = Phase(name="disks", guest=STORAGE_GUEST, reach=_disks, mbit=4)
#: db-01 rewrites its memory faster than that
MEMORY = Phase(name="memory", guest="db-01", reach=_memory, mbit=12)
SWITCH_OVER = Phase(name="switch-over", guest="web-01", reach=_switch_over, options=_LONG_STOP, mbit=24)
ARRIVAL = Phase(name="arrival", guest="web-01", reach=_arrival, let_go=_unmute, options=_LONG_STOP, mbit=24)
#: at this rate libvirt keeps it paused for half a minute
SUSPENDED = Phase(name="suspended", guest="web-01", reach=_switch_over, mbit=12, kind="suspended")
SUSPENDED_DISKS = Phase(
    name="disks of suspended",
    guest=STORAGE_GUEST,
    reach=_disks,
    options={"copy_disks": True},
    mbit=4,
    kind="suspended",
)
OFFLINE = Phase(name="offline", guest="web-01", reach=_offline, let_go=_unmute, kind="offline", off=True)

#: the VM has a QEMU process
ALL = (CHECKING, DISKS, MEMORY, SWITCH_OVER, ARRIVAL, SUSPENDED_DISKS, SUSPENDED)
#: libvirt is at work
AT_WORK = (DISKS, MEMORY, SWITCH_OVER, SUSPENDED_DISKS, SUSPENDED)
EVERY = (*ALL, OFFLINE)
