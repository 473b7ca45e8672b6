"""The phases of a migration: how one is brought there, how that is recognised, and what holds it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab import GuestSpec
from tests.lab.serving import wait_until

if TYPE_CHECKING:
    from lab import Host
    from tests.faults.cell import Cell

STORAGE_GUEST = "build-01"
"""Its disk is on kvm-a only, so a migration copies it."""
DISK = f"/var/lib/libvirt/images/{STORAGE_GUEST}.qcow2"
STOPPED_GUEST = GuestSpec("stop-01", "kvm-a", fill_mib=8, obeys_after_s=5)
"""It can be met while it shuts down."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """`mbit` shapes the migration network from before the request until the fault is over. `reach` returns when the
    migration is in the phase; what holds it there ends by `let_go`, right after the fault has been done. `kind` is the
    method, "" for the live one that suits the VM; `off`: the VM is shut off; `stops`: it is shut down and started;
    `made`: the VM is made for it; `like`: the phase whose ends are right where a fault has none for this one."""

    name: str
    guest: str
    reach: Callable[[Cell], None]
    let_go: Callable[[Cell], None] = lambda cell: None
    options: dict[str, Any] = field(default_factory=dict)
    mbit: int | None = None
    kind: str = ""
    off: bool = False
    stops: bool = False
    made: GuestSpec | None = None
    like: str = ""


def _checking(cell: Cell) -> None:
    """What kvm-b answers to kvmweb is held back."""
    cell.target.mute(cell.lab.machine_address)
    cell.request()
    cell.kvmweb.wait_for_state(cell.pk, "checking", seconds=20)


def _disks(cell: Cell) -> None:
    """Once the VM, which may have just been made, has filled its disk: else there is nothing to copy."""
    _fill(cell)
    cell.request()
    cell.kvmweb.wait_for_state(cell.pk, "copying_disks", seconds=30)


def _fill(cell: Cell) -> None:
    filled = next(spec.disk_fill_mib for spec in cell.lab.state.guests if spec.name == cell.guest) << 20
    wait_until(lambda: _allocated(cell) >= filled, 60, "its disk is filled", tell=cell.tell)


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


def _post_copy(cell: Cell) -> None:
    """Switched by order; at this rate the rest of its memory takes half a minute."""
    cell.request()
    cell.kvmweb.wait_for_copying(cell.pk)
    answer = cell.kvmweb.post(f"/migrations/{cell.pk}/orders", {"what": "post_copy", "value": None})
    assert answer.status == 202, answer.body
    wait_until(lambda: cell.virsh_state(cell.target) == "running (post-copy)", 30, "it is switched", tell=cell.tell)


def _offline(cell: Cell) -> None:
    """libvirt was asked, and what kvm-b answers to kvm-a is held back: its call does not come to an end. The check right
    before uses the answer of the preflight check (worker/peer_answers.py)."""
    cell.switch_off()
    _request_in_silence(cell)
    wait_until(lambda: cell.shown()["started_at"] is not None, 30, "libvirt was asked", tell=cell.tell)


def _request_in_silence(cell: Cell) -> None:
    wanted = {"guest": cell.uuid, "target": cell.target.name, "kind": cell.phase.kind}
    assert cell.kvmweb.preflight(wanted).status == 200
    cell.target.mute(cell.source.address)
    cell.request()


def _arrival(cell: Cell) -> None:
    """libvirt on kvm-b starts the VM, and what it answers to kvm-a is held back: kvm-a has not let it go yet."""
    _switch_over(cell)
    cell.target.mute(cell.source.address)
    cell.lab.shape(None)
    wait_until(lambda: cell.virsh_state(cell.target).startswith("running"), 30, "it arrives", tell=cell.tell)


def _started_paused(cell: Cell) -> None:
    """It is started paused on kvm-a, and libvirt's call waits for kvm-b."""
    _off_with_a_full_disk(cell)
    _request_in_silence(cell)
    wait_until(lambda: cell.virsh_state(cell.source).startswith("paused"), 30, "it is started", tell=cell.tell)
    wait_until(lambda: cell.shown()["started_at"] is not None, 30, "libvirt was asked", tell=cell.tell)


def _off_checking(cell: Cell) -> None:
    _off_with_a_full_disk(cell)
    _checking(cell)


def _off_disks(cell: Cell) -> None:
    _off_with_a_full_disk(cell)
    cell.request()
    cell.kvmweb.wait_for_state(cell.pk, "copying_disks", seconds=30)


def _off_with_a_full_disk(cell: Cell) -> None:
    _fill(cell)
    cell.switch_off()
    cell.content = content(cell.source)


def content(host: Host) -> str:
    """What a VM would read from the copied disk: the hash of it."""
    read = f"qemu-img convert -U -O raw {DISK} /root/raw && sha256sum </root/raw && rm /root/raw"
    return host.exec("sh", "-c", read)


def _off_arrival(cell: Cell) -> None:
    """It is paused on kvm-b, and what kvm-b answers to kvm-a is held back: kvm-a has not let it go yet."""
    _off_disks(cell)
    cell.target.mute(cell.source.address)
    cell.lab.shape(None)
    waits = ("", "?", "paused (migrating)", "paused (starting up)")
    wait_until(lambda: cell.virsh_state(cell.target) not in waits, 30, "it arrives", tell=cell.tell)
    for host in (cell.source, cell.target):  # where a CPU begins when the power comes on
        assert "EIP=0000fff0" in host.virsh("qemu-monitor-command", cell.uuid, "--hmp", "info registers")


def _shutting_down(cell: Cell) -> None:
    cell.request()
    cell.kvmweb.wait_for_state(cell.pk, "shutting_down", seconds=30)


def _definition(cell: Cell) -> None:
    """It is shut off, libvirt was asked to send its definition, and what kvm-b answers to kvm-a is held back."""
    _shutting_down(cell)
    cell.target.mute(cell.source.address)
    cell.kvmweb.wait_for_state(cell.pk, "switching_over", seconds=30)


def _to_be_started(cell: Cell) -> None:
    """Its definition is on kvm-b, and what kvm-b answers to kvmweb is held back, be it that it has started it."""
    _shutting_down(cell)
    wait_until(lambda: cell.virsh_state(cell.target) != "", 30, "its definition arrives", tell=cell.tell)
    cell.target.mute(cell.lab.machine_address)


def _unmute(cell: Cell) -> None:
    cell.target.unmute()


#: kvm-a stops the VM as soon as the rest can travel within 8 s, and at 24 Mbit/s the rest then takes seconds
_LONG_STOP: dict[str, Any] = {"max_downtime_ms": 8000}
CHECKING = Phase(name="checking", guest="web-01", reach=_checking, let_go=_unmute)
DISKS = Phase(name="disks", guest=STORAGE_GUEST, reach=_disks, mbit=4)
#: db-01 rewrites its memory faster than that
MEMORY = Phase(name="memory", guest="db-01", reach=_memory, mbit=12)
SWITCH_OVER = Phase(name="switch-over", guest="web-01", reach=_switch_over, options=_LONG_STOP, mbit=24)
POST_COPY = Phase(name="post-copy", guest="web-01", reach=_post_copy, options={"post_copy": True, "bandwidth_mib": 3})
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
OFF_CHECKING = Phase(
    name="checking of offline with storage",
    like="checking",
    guest=STORAGE_GUEST,
    reach=_off_checking,
    let_go=_unmute,
    kind="offline_storage",
    off=True,
)
STARTED_PAUSED = Phase(
    name="started paused", guest=STORAGE_GUEST, reach=_started_paused, let_go=_unmute, kind="offline_storage", off=True
)
OFF_DISKS = Phase(
    name="disks of offline", guest=STORAGE_GUEST, reach=_off_disks, mbit=4, kind="offline_storage", off=True
)
OFF_ARRIVAL = Phase(
    name="arrival of offline",
    guest=STORAGE_GUEST,
    reach=_off_arrival,
    let_go=_unmute,
    mbit=4,
    kind="offline_storage",
    off=True,
)
_STOPS: dict[str, Any] = {
    "guest": STOPPED_GUEST.name,
    "made": STOPPED_GUEST,
    "kind": "stop_move_start",
    "stops": True,
}
STOP_CHECKING = Phase(name="checking of stopped", like="checking", reach=_checking, let_go=_unmute, **_STOPS)
SHUTTING_DOWN = Phase(name="shutting down", reach=_shutting_down, **_STOPS)
DEFINITION = Phase(name="definition of stopped", reach=_definition, let_go=_unmute, **_STOPS)
TO_BE_STARTED = Phase(name="to be started", reach=_to_be_started, let_go=_unmute, **_STOPS)

#: each step of the two methods that start or end the VM
STORED = (OFF_CHECKING, STARTED_PAUSED, OFF_DISKS, OFF_ARRIVAL)
STOPPED = (STOP_CHECKING, SHUTTING_DOWN, DEFINITION, TO_BE_STARTED)
#: the VM has a QEMU process
ALL = (CHECKING, DISKS, MEMORY, SWITCH_OVER, ARRIVAL, SUSPENDED_DISKS, SUSPENDED)
#: libvirt is at work
AT_WORK = (DISKS, MEMORY, SWITCH_OVER, SUSPENDED_DISKS, SUSPENDED)
EVERY = (*ALL, OFFLINE)
STEPS = (*EVERY, *STORED, *STOPPED)
