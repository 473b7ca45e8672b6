"""The faults, one row each: what does it, for how long, how it is undone, and the ends that are right."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from lab import Host
from tests.faults.cell import Cell
from tests.faults.phases import (
    ALL,
    ARRIVAL,
    AT_WORK,
    CHECKING,
    DISKS,
    EVERY,
    MEMORY,
    OFF_ARRIVAL,
    OFF_DISKS,
    OFFLINE,
    POST_COPY,
    STEPS,
    STORAGE_GUEST,
    SUSPENDED_DISKS,
    SWITCH_OVER,
    Phase,
)

Act = Callable[[Cell], None]
Ends = frozenset[str]

DONE, FAILED, CANCELLED = frozenset({"done"}), frozenset({"failed"}), frozenset({"cancelled"})
BLOCKED, ATTENTION = frozenset({"blocked"}), frozenset({"needs_attention"})
#: while it is checked nothing is touched: found by a check, or in the way of the first question
NOT_STARTED = BLOCKED | FAILED
#: of a definition that is held back for long: whether libvirt gives up first; one that is left on both hosts needs a user
ANY_END = DONE | FAILED | ATTENTION
UNTIL_A_WORD = None


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`lasts` is seconds until `undo`, UNTIL_A_WORD: until kvmweb says an end, or a person who waits in vain cancels.

    `ends` are the states that are right at last, `at` those of single phases. `guest` stands in for that of the phase.
    `then` is what a person does when the fault is done. `leaves` and `takes` are the volumes of kvm-b that this fault
    itself makes or removes.
    """

    name: str
    phases: tuple[Phase, ...] = ALL
    do: Act
    undo: Act = lambda cell: None
    lasts: float | None = 0
    ends: Ends = DONE
    at: Mapping[str, Ends] = field(default_factory=dict)
    guest: str = ""
    then: Act = lambda cell: None
    leaves: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    #: phases in which the VM may run nowhere afterwards: it was ended by the fault
    ends_the_vm: tuple[Phase, ...] = ()
    #: phases in which it can be told that a person paused it: it is paused at the end
    stays_paused: tuple[Phase, ...] = ()
    #: a person lets a VM run on kvm-b that was shut off: it is left running
    resumes: bool = False

    def right(self, phase: Phase) -> Ends:
        return self.at.get(phase.name, self.at.get(phase.like, self.ends))


def _host(cell: Cell, name: str) -> Host:
    return cell.lab.hosts[name]


# --- processes ----------------------------------------------------------------------------------------------------


def _kill_libvirtd(cell: Cell, host: str) -> None:
    _host(cell, host).kill_daemon("libvirtd")


def _start_libvirtd(cell: Cell, host: str) -> None:
    _host(cell, host).start_daemon("libvirtd")


def _stop_libvirtd(cell: Cell, host: str) -> None:
    _host(cell, host).stop_daemon("libvirtd")


def _signal_qemu(cell: Cell, host: str, number: signal.Signals) -> None:
    for pid in _host(cell, host).qemus_of(cell.uuid):
        os.kill(pid, number)


def _go_on(cell: Cell, host: str) -> None:
    _host(cell, host).cont_everything()


def _signal_worker(cell: Cell, number: signal.Signals) -> None:
    os.kill(cell.worker(), number)


def _continue_worker(cell: Cell) -> None:
    for pid in cell.kvmweb.pids():
        os.kill(pid, signal.SIGCONT)


PROCESSES = (
    Fault(
        name="libvirtd of kvm-a killed, 5 s",
        phases=(*STEPS, POST_COPY),
        do=partial(_kill_libvirtd, host="kvm-a"),
        undo=partial(_start_libvirtd, host="kvm-a"),
        lasts=5,
        ends=FAILED,
        at={
            "checking": NOT_STARTED,
            "switch-over": FAILED | DONE,
            "arrival": DONE | ATTENTION,
            "arrival of offline": DONE | ATTENTION,
            "shutting down": DONE,
            "definition of stopped": ANY_END,
            "post-copy": DONE | ATTENTION,
            "to be started": DONE,
        },
    ),
    Fault(
        name="libvirtd of kvm-b killed, 5 s",
        phases=(*STEPS, POST_COPY),
        do=partial(_kill_libvirtd, host="kvm-b"),
        undo=partial(_start_libvirtd, host="kvm-b"),
        lasts=5,
        ends=FAILED,
        at={
            "checking": NOT_STARTED,
            "arrival": DONE | ATTENTION,
            "arrival of offline": DONE | ATTENTION,
            "shutting down": DONE,
            "definition of stopped": ANY_END,
            "post-copy": DONE | ATTENTION,
            "to be started": DONE | ATTENTION,
        },
    ),
    Fault(
        name="libvirtd of kvm-a stopped, 10 s",
        phases=EVERY,
        do=partial(_stop_libvirtd, host="kvm-a"),
        undo=partial(_go_on, host="kvm-a"),
        lasts=10,
        at={"checking": DONE | NOT_STARTED},
    ),
    Fault(
        name="libvirtd of kvm-b stopped, 10 s",
        phases=EVERY,
        do=partial(_stop_libvirtd, host="kvm-b"),
        undo=partial(_go_on, host="kvm-b"),
        lasts=10,
        at={"checking": DONE | NOT_STARTED},
    ),
    Fault(
        name="QEMU on kvm-a killed",
        do=partial(_signal_qemu, host="kvm-a", number=signal.SIGKILL),
        ends=ATTENTION,
        at={"checking": NOT_STARTED, "arrival": DONE},
        ends_the_vm=(CHECKING, *AT_WORK),
    ),
    Fault(
        name="QEMU on kvm-b killed",
        phases=(*AT_WORK, ARRIVAL),
        do=partial(_signal_qemu, host="kvm-b", number=signal.SIGKILL),
        ends=FAILED,
        at={"arrival": ATTENTION},
        ends_the_vm=(ARRIVAL,),
    ),
    Fault(
        name="QEMU on kvm-a stopped, 10 s",
        do=partial(_signal_qemu, host="kvm-a", number=signal.SIGSTOP),
        undo=partial(_go_on, host="kvm-a"),
        lasts=10,
        at={"checking": DONE | NOT_STARTED},
    ),
    Fault(
        name="QEMU on kvm-b stopped, 10 s",
        phases=(*AT_WORK, ARRIVAL),
        do=partial(_signal_qemu, host="kvm-b", number=signal.SIGSTOP),
        undo=partial(_go_on, host="kvm-b"),
        lasts=10,
    ),
    Fault(
        name="worker killed",
        phases=(*STEPS, POST_COPY),
        do=partial(_signal_worker, number=signal.SIGKILL),
        at={"started paused": DONE | FAILED},  # in the moment before libvirt was asked, too
    ),
    Fault(name="worker asked to end", phases=EVERY, do=partial(_signal_worker, number=signal.SIGTERM)),
    Fault(
        name="worker stopped, 10 s",
        phases=EVERY,
        do=partial(_signal_worker, number=signal.SIGSTOP),
        undo=_continue_worker,
        lasts=10,
    ),
)


# --- links --------------------------------------------------------------------------------------------------------


def _link(cell: Cell, host: str, which: str, up: bool) -> None:
    _host(cell, host).link(which, up=up)


def _cut(
    host: str,
    which: str,
    lasts: float | None,
    *,
    ends: Ends,
    at: Mapping[str, Ends],
    phases: tuple[Phase, ...] = EVERY,
) -> Fault:
    name = {"mig": "migration link", "mgmt": "management link"}[which]
    return Fault(
        name=f"{name} of {host} cut, {'for good' if lasts is None else f'{lasts:.0f} s'}",
        phases=phases,
        do=partial(_link, host=host, which=which, up=False),
        undo=partial(_link, host=host, which=which, up=True),
        lasts=lasts,
        ends=ends,
        at={"offline": DONE if which == "mig" or lasts == 5 else ANY_END, **at},  # a definition needs no migration link
    )


#: libvirt calls the other daemon lost after 25 to 30 s
_SILENT = {
    "checking": NOT_STARTED,
    "arrival": DONE | ATTENTION,
    "arrival of offline": DONE | ATTENTION,
    "shutting down": DONE,
    "definition of stopped": ANY_END,
    "to be started": DONE,
}

LINKS = (
    _cut("kvm-b", "mig", 5, ends=DONE, at={}, phases=(*EVERY, OFF_DISKS, POST_COPY)),
    _cut("kvm-b", "mig", 40, ends=DONE | FAILED, at={"post-copy": DONE}, phases=(*EVERY, POST_COPY)),
    _cut("kvm-b", "mig", UNTIL_A_WORD, ends=CANCELLED | FAILED | DONE, at={"arrival": DONE}),
    _cut("kvm-b", "mgmt", 5, ends=DONE, at={"checking": DONE | NOT_STARTED}, phases=STEPS),
    _cut("kvm-b", "mgmt", 40, ends=DONE | FAILED, at=_SILENT, phases=STEPS),
    _cut("kvm-b", "mgmt", UNTIL_A_WORD, ends=DONE | FAILED, at={"checking": NOT_STARTED, "arrival": DONE | ATTENTION}),
    _cut("kvm-a", "mgmt", 5, ends=DONE, at={"checking": DONE | NOT_STARTED}, phases=STEPS),
    _cut("kvm-a", "mgmt", 40, ends=DONE | FAILED, at=_SILENT, phases=STEPS),
    _cut("kvm-a", "mgmt", UNTIL_A_WORD, ends=DONE | FAILED, at={"checking": NOT_STARTED, "arrival": DONE | ATTENTION}),
)


# --- volumes ------------------------------------------------------------------------------------------------------

VOLUME = "build-01.qcow2"
_PATH = f"/var/lib/libvirt/images/{VOLUME}"
_VOLUME = frozenset({f"local/{VOLUME}"})
_WITH_DISKS = (DISKS, MEMORY, SWITCH_OVER, ARRIVAL)


def _delete_by_virsh(cell: Cell) -> None:
    cell.target.virsh("vol-delete", "--pool", "local", VOLUME)


def _delete_by_rm(cell: Cell) -> None:
    cell.target.exec("rm", "-f", _PATH)


def _replace(cell: Cell) -> None:
    _delete_by_virsh(cell)
    cell.target.virsh("vol-create-as", "local", VOLUME, "10M", "--format", "qcow2")


VOLUMES = (
    Fault(
        name="copied volume deleted by vol-delete",
        phases=_WITH_DISKS,
        guest=STORAGE_GUEST,
        do=_delete_by_virsh,
        ends=ATTENTION,
        takes=_VOLUME,
    ),
    Fault(
        name="copied volume deleted by rm -f",
        phases=_WITH_DISKS,
        guest=STORAGE_GUEST,
        do=_delete_by_rm,
        ends=ATTENTION,
        takes=_VOLUME,
    ),
    Fault(
        name="copied volume replaced by a stranger's",
        phases=_WITH_DISKS,
        guest=STORAGE_GUEST,
        do=_replace,
        ends=ATTENTION,
        leaves=_VOLUME,
    ),
    Fault(
        name="copied volume replaced by a stranger's, cancelled",
        phases=(DISKS, MEMORY),
        guest=STORAGE_GUEST,
        do=_replace,
        then=Cell.cancel,
        ends=CANCELLED,
        leaves=_VOLUME,
    ),
)


# --- people with virsh --------------------------------------------------------------------------------------------


def _person(cell: Cell, host: str, *words: str) -> None:
    """The VM's UUID stands for VM."""
    cell.person(_host(cell, host), *(cell.uuid if word == "VM" else word for word in words))


def _by_hand(host: str, *words: str) -> Act:
    return lambda cell: _person(cell, host, *words)


def _start_a_copy(cell: Cell) -> None:
    """QEMU's own lock on the disk keeps it from running."""
    xml = cell.source.virsh("dumpxml", "--inactive", cell.uuid)
    cell.target.exec("virsh", "-q", "define", "/dev/stdin", stdin=xml, check=False)
    cell.person(cell.target, "start", cell.uuid)


PEOPLE = (
    Fault(
        name="suspended on kvm-a",
        do=_by_hand("kvm-a", "suspend", "VM"),
        lasts=4,  # so that it is seen: what follows is over in a moment
        stays_paused=(CHECKING, DISKS, MEMORY, SUSPENDED_DISKS),
    ),
    Fault(
        name="resumed on kvm-a",
        do=_by_hand("kvm-a", "resume", "VM"),
        at={"switch-over": DONE | FAILED, "suspended": DONE | FAILED, "arrival": DONE | ATTENTION},
    ),
    Fault(
        name="resumed on kvm-a while its disks are copied",
        phases=(OFF_DISKS,),
        do=_by_hand("kvm-a", "resume", "VM"),  # libvirt refuses it
    ),
    Fault(
        name="resumed on kvm-b after its disks were copied",
        phases=(OFF_ARRIVAL,),
        do=_by_hand("kvm-b", "resume", "VM"),
        ends=ATTENTION,
        resumes=True,
    ),
    Fault(
        name="destroyed on kvm-a",
        do=_by_hand("kvm-a", "destroy", "VM"),
        ends=ATTENTION,
        at={"checking": NOT_STARTED, "arrival": DONE},
        ends_the_vm=(CHECKING, *AT_WORK),
    ),
    Fault(
        name="destroyed on kvm-b",
        phases=(*AT_WORK, ARRIVAL),
        do=_by_hand("kvm-b", "destroy", "VM"),
        ends=FAILED,
        at={"arrival": ATTENTION},
        ends_the_vm=(ARRIVAL,),
    ),
    Fault(
        name="domjobabort on kvm-a",
        do=_by_hand("kvm-a", "domjobabort", "VM"),
        ends=CANCELLED,
        at={"checking": DONE, "switch-over": CANCELLED | DONE | FAILED, "arrival": DONE},
    ),
    Fault(
        name="migrate-setmaxdowntime on kvm-a",
        do=_by_hand("kvm-a", "migrate-setmaxdowntime", "VM", "5000"),
    ),
    Fault(
        name="a copy defined and started on kvm-b",
        do=_start_a_copy,
        at={"checking": NOT_STARTED, "arrival": DONE},
    ),
    Fault(
        name="started on kvm-a",
        phases=(OFFLINE,),
        do=_by_hand("kvm-a", "start", "VM"),
        ends=ANY_END,
    ),
    Fault(
        name="undefined on kvm-a",
        do=_by_hand("kvm-a", "undefine", "VM"),
        at={"checking": DONE | NOT_STARTED},
    ),
)

FAULTS = (*PROCESSES, *LINKS, *VOLUMES, *PEOPLE)
