"""The situations in which kvmweb tells a user what to do: how each arises, what kvmweb says, what the user does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from lab import GuestSpec, Host
from tests.faults import advice
from tests.faults.cell import Cell
from tests.faults.phases import ARRIVAL, DISKS, MEMORY, SWITCH_OVER, Phase
from tests.lab.serving import wait_until

#: libvirt's daemons call each other lost after 25 to 30 s
LOST = 60
#: until it is said: what both hosts have to say for 10 to 60 s; what is silent for two minutes, or libvirt calls lost
SOON, LATE = 100.0, 240.0


@dataclass(frozen=True, kw_only=True)
class Situation:
    """`bring` leads from the phase into it. `says` is in what kvmweb says, `advises` in what it tells a person to do;
    `follow` does that with the text in hand. Afterwards the VM runs on `on` only, and the migration is over: `ends`,
    by itself or because the text says that an admin closes it (`closed`); `last` is in what is said then. `within`: seconds."""

    name: str
    phase: Phase
    bring: Callable[[Cell], None]
    says: str
    advises: str
    follow: Callable[[Cell, str], None] = advice.follow
    on: str
    ends: frozenset[str]
    closed: bool = False
    last: str = ""
    within: float = SOON
    guest: GuestSpec | None = None


def power_off(cell: Cell, host: Host) -> None:
    """The host, as far as this VM and its libvirtd are concerned."""
    if host.daemon_pids("libvirtd"):
        host.kill_daemon("libvirtd")
    for pid in host.qemus_of(cell.uuid):
        os.kill(pid, signal.SIGKILL)


# --- the network ------------------------------------------------------------------------------------------------------


def _cut_at_the_switch_over(cell: Cell) -> None:
    cell.target.link("mig", up=False)


def _repair_the_network(cell: Cell, text: str) -> None:
    cell.target.link("mig", up=True)
    cell.lab.shape(None)


# --- a daemon that hangs ----------------------------------------------------------------------------------------------


def _kvm_b_hangs_too_long(cell: Cell) -> None:
    """Its libvirtd is asked to start the VM, wakes up when kvm-a has given up, and obeys."""
    cell.target.stop_daemon("libvirtd")
    cell.lab.shape(None)
    wait_until(lambda: cell.virsh_state(cell.source).startswith("running"), LOST, "kvm-a gives up", tell=cell.tell)
    cell.target.cont_daemon("libvirtd")


def _stop_then_destroy(cell: Cell, text: str) -> None:
    """First what can be undone; the VM on kvm-a is the one that is used."""
    suspend, destroy = advice.steps(text)
    advice.run(cell, suspend)
    assert cell.virsh_state(cell.target).startswith("paused")
    assert cell.virsh_state(cell.source).startswith("running")
    advice.run(cell, destroy)


def _qemu_of_kvm_b_hangs(cell: Cell) -> None:
    """So late that all there was to send is under way: kvm-a's QEMU has nothing left to do and answers."""
    (pid,) = cell.target.qemus_of(cell.uuid)
    os.kill(pid, signal.SIGSTOP)
    cell.lab.shape(None)


def _qemu_of_kvm_a_hangs(cell: Cell) -> None:
    (pid,) = cell.source.qemus_of(cell.uuid)
    os.kill(pid, signal.SIGSTOP)


def _let_qemu_go_on(cell: Cell, text: str) -> None:
    cell.source.cont_everything()
    cell.lab.shape(None)


# --- the last message was lost ----------------------------------------------------------------------------------------


def _kvm_a_never_hears_of_the_arrival(cell: Cell) -> None:
    wait_until(lambda: "out" not in _job(cell), LOST, "kvm-a gives up", tell=cell.tell)
    cell.target.unmute()


def _job(cell: Cell) -> str:
    said = cell.source.virsh("domjobinfo", cell.uuid, check=False)
    return "" if "None" in said else "out"


def _and_it_ends_there(cell: Cell) -> None:
    _kvm_a_never_hears_of_the_arrival(cell)
    cell.target.virsh("undefine", cell.uuid)
    cell.target.virsh("destroy", cell.uuid)


def _kvm_a_forgets_the_job(cell: Cell) -> None:
    power_off(cell, cell.source)
    cell.target.unmute()
    cell.source.start_daemon("libvirtd")


def _definition_of_kvm_b_is_removed(cell: Cell) -> None:
    """Done by a user as soon as libvirt allows it."""
    cell.target.unmute()
    wait_until(lambda: not cell.source.qemus_of(cell.uuid), 20, "kvm-a lets it go", tell=cell.tell)
    cell.target.virsh("undefine", cell.uuid)


# --- ended or started by somebody -------------------------------------------------------------------------------------


def _destroyed(cell: Cell) -> None:
    cell.source.virsh("destroy", cell.uuid)


def _destroyed_and_unknown(cell: Cell) -> None:
    """It was transient: its definition went with it."""
    assert "persistent" not in cell.source.virsh("list", "--transient", "--name")
    cell.source.virsh("destroy", cell.uuid)


def _define_and_start_at_home(cell: Cell, text: str) -> None:
    """The host that has its disks: both have, and it was at home on kvm-a."""
    for step in advice.steps(text):
        advice.run(cell, advice.Step(cell.source.name, step.command))
    cell.source.virsh("start", cell.uuid)


def _started_afresh_on_kvm_b(cell: Cell) -> None:
    xml = cell.source.virsh("dumpxml", "--inactive", cell.uuid)
    cell.source.virsh("destroy", cell.uuid)
    wait_until(lambda: not cell.virsh_state(cell.target), 30, "kvm-b drops its copy", tell=cell.tell)
    time.sleep(1)  # and forgets it
    cell.target.exec("virsh", "-q", "define", "/dev/stdin", stdin=xml)
    cell.target.virsh("start", cell.uuid)


def _look_only(cell: Cell, text: str) -> None:
    """What is left is to close the migration."""


# --- a host is gone ---------------------------------------------------------------------------------------------------


def _kvm_b_falls_silent(cell: Cell) -> None:
    cell.target.link("mgmt", up=False)
    cell.target.link("mig", up=False)
    cell.lab.shape(None)


def _power_off_kvm_b(cell: Cell, text: str) -> None:
    power_off(cell, cell.target)
    advice.follow(cell, text)


def _kvm_a_dies(cell: Cell) -> None:
    power_off(cell, cell.source)
    cell.phase.let_go(cell)


def _kvm_b_falls_silent_with_the_vm(cell: Cell) -> None:
    cell.target.unmute()
    wait_until(lambda: not cell.source.qemus_of(cell.uuid), 20, "kvm-a lets it go", tell=cell.tell)
    _kvm_b_falls_silent(cell)


# --- volumes ----------------------------------------------------------------------------------------------------------

_SAVED = "build-01.saved.qcow2"


def _volume(how: str) -> Callable[[Cell], None]:
    def gone(cell: Cell) -> None:
        if how == "rm":
            cell.target.exec("rm", "-f", "/var/lib/libvirt/images/build-01.qcow2")
        else:
            cell.target.virsh("vol-delete", "--pool", "local", "build-01.qcow2")
        if how == "replaced":
            cell.target.virsh("vol-create-as", "local", "build-01.qcow2", "10M", "--format", "qcow2")
        cell.lab.shape(None)

    return gone


def _save_the_disk(cell: Cell, text: str) -> None:
    """`virsh edit` opens an editor: here it is sed."""
    editor = f"EDITOR=sed -i s/build-01.qcow2/{_SAVED}/"
    for step in advice.steps(text):
        if step.command[0] == "edit":
            cell.lab.hosts[step.host].exec("env", editor, "virsh", "-c", "qemu:///system", *step.command)
        else:
            advice.run(cell, step)
    assert f"local/{_SAVED}" in {f"local/{row.split()[0]}" for row in _rows(cell.target.virsh("vol-list", "local"))}


def _rows(text: str) -> list[str]:
    return [row for row in text.splitlines() if row.strip()]


# --- and again --------------------------------------------------------------------------------------------------------


def _kvm_b_restarts(cell: Cell) -> None:
    cell.target.kill_daemon("libvirtd")
    time.sleep(1)
    cell.target.start_daemon("libvirtd")


DONE, FAILED, CLOSED = frozenset({"done"}), frozenset({"failed"}), frozenset({"failed"})
_DELETED = "Do not stop the VM: its disk on kvm-b has been deleted"

SITUATIONS = (
    Situation(
        name="migration link cut at the switch-over",
        within=LATE,
        phase=SWITCH_OVER,
        bring=_cut_at_the_switch_over,
        says="QEMU on kvm-a does not answer",
        advises="Check the migration network between kvm-a and kvm-b. Do not resume the VM on either host.",
        follow=_repair_the_network,
        on="kvm-b",
        ends=DONE,
    ),
    Situation(
        name="QEMU of kvm-b stopped at the switch-over",
        within=LATE,
        phase=SWITCH_OVER,
        bring=_qemu_of_kvm_b_hangs,
        says="kvm-a",
        advises="Do not resume",
        follow=lambda cell, text: cell.target.cont_everything(),
        on="kvm-b",
        ends=DONE,
    ),
    Situation(
        name="QEMU of kvm-a stopped",
        within=LATE,
        phase=MEMORY,
        bring=_qemu_of_kvm_a_hangs,
        says="its QEMU has not answered",
        advises="whether the QEMU process of db-01 is stopped",
        follow=_let_qemu_go_on,
        on="kvm-b",
        ends=DONE,
    ),
    Situation(
        name="libvirtd of kvm-b hung too long, a definition is left",
        phase=SWITCH_OVER,
        bring=_kvm_b_hangs_too_long,
        says="a shut-off definition of it is left on kvm-b",
        advises="undefine",
        on="kvm-a",
        ends=FAILED,
    ),
    Situation(
        name="libvirtd of kvm-b hung too long, no disk keeps it from running twice",
        phase=SWITCH_OVER,
        guest=GuestSpec(name="twin-01", host="kvm-a", fill_mib=8, storage=""),
        bring=_kvm_b_hangs_too_long,
        says="runs on kvm-a and on kvm-b at the same time",
        advises="At once:",
        follow=_stop_then_destroy,
        on="kvm-a",
        ends=FAILED,
    ),
    Situation(
        name="arrived, and kvm-a never heard of it",
        phase=ARRIVAL,
        bring=_kvm_a_never_hears_of_the_arrival,
        says="a paused leftover is still on kvm-a",
        advises="Never resume it on kvm-a",
        on="kvm-b",
        ends=DONE,
    ),
    Situation(
        name="arrived and ended there, and kvm-a never heard of it",
        phase=ARRIVAL,
        bring=_and_it_ends_there,
        says="runs nowhere: it is paused on kvm-a, and kvm-b does not run it",
        advises="resume",
        on="kvm-a",
        ends=FAILED,
    ),
    Situation(
        name="arrived, and the definition stayed on kvm-a",
        phase=ARRIVAL,
        bring=_kvm_a_forgets_the_job,
        says="its shut-off definition is still on kvm-a",
        advises="undefine",
        on="kvm-b",
        ends=DONE,
    ),
    Situation(
        name="arrived without a definition",
        phase=ARRIVAL,
        bring=_definition_of_kvm_b_is_removed,
        says="kvm-b has no definition of it",
        advises="virsh define FILE",
        on="kvm-b",
        ends=DONE,
    ),
    Situation(
        name="destroyed by somebody",
        phase=MEMORY,
        bring=_destroyed,
        says="Neither kvm-a nor kvm-b runs db-01",
        advises="First look on every other host",
        on="kvm-a",
        last="db-01 runs on kvm-a, where it has been started again since",
        ends=FAILED,
    ),
    Situation(
        name="destroyed and started on kvm-b by somebody",
        phase=MEMORY,
        bring=_started_afresh_on_kvm_b,
        says="it did not migrate: it was started there",
        advises="Then close this migration as an admin",
        follow=_look_only,
        on="kvm-b",
        ends=CLOSED,
        closed=True,
    ),
    Situation(
        name="kvm-b is gone for good, the VM is on kvm-a",
        within=LATE,
        phase=MEMORY,
        bring=_kvm_b_falls_silent,
        says="db-01 runs on kvm-a; kvmweb cannot tell what kvm-b has. kvm-b is not reachable.",
        advises="then close this migration as an admin: db-01 stays on kvm-a",
        follow=_power_off_kvm_b,
        on="kvm-a",
        ends=CLOSED,
        closed=True,
    ),
    Situation(
        name="kvm-a is gone for good, the VM has arrived",
        within=LATE,
        phase=ARRIVAL,
        bring=_kvm_a_dies,
        says="web-01 runs on kvm-b; kvmweb cannot tell whether kvm-a still has it",
        advises="then close this migration as an admin: web-01 runs on kvm-b",
        follow=_look_only,
        on="kvm-b",
        ends=CLOSED,
        closed=True,
    ),
    Situation(
        name="kvm-a is gone for good, the VM with it",
        within=LATE,
        phase=MEMORY,
        bring=_kvm_a_dies,
        says="kvmweb cannot tell where db-01 runs. kvm-a is not reachable.",
        advises="start it again on kvm-b",
        on="kvm-b",
        ends=CLOSED,
        closed=True,
    ),
    Situation(
        name="kvm-b is gone for good, the VM with it",
        within=LATE,
        phase=ARRIVAL,
        bring=_kvm_b_falls_silent_with_the_vm,
        says="kvmweb cannot tell where web-01 runs. kvm-b is not reachable.",
        advises="start it again on kvm-a",
        follow=_power_off_kvm_b,
        on="kvm-a",
        ends=CLOSED,
        closed=True,
    ),
    *(
        Situation(
            name=f"the copied volume is gone: {how}",
            phase=DISKS,
            bring=_volume(how),
            says=_DELETED,
            advises="blockcopy",
            follow=_save_the_disk,
            on="kvm-b",
            ends=DONE,
        )
        for how in ("vol-delete", "rm", "replaced")
    ),
)
