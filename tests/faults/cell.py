"""One cell of the matrix: a migration brought to a phase, a fault done to it, and everything healed afterwards."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lab import CommandFailed, Host, Lab, LabError, TickReceiver
from migrations_app.domain.kinds import KIND, Kind
from tests.faults.phases import STORAGE_GUEST, Phase
from tests.lab.serving import TERMINAL, Serving

ENDS = TERMINAL | {"needs_attention"}
#: a person's virsh may wait for libvirt's lock on the VM: 30 s
VIRSH_SECONDS = 45
LOOK_SECONDS = 5


class Cell:
    """What faults and phases act on. `source` is kvm-a, `target` kvm-b; `pk` is 0 before the request."""

    def __init__(self, lab: Lab, kvmweb: Serving, ticks: TickReceiver, phase: Phase, *, guest: str = "") -> None:
        self.lab = lab
        self.kvmweb = kvmweb
        self.ticks = ticks
        self.phase = phase
        self.source, self.target = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
        self.guest = guest or phase.guest
        self.uuid = next(uuid for uuid, name in self.source.domains().items() if name == self.guest)
        self.pk = 0
        self.began = time.monotonic()
        #: of a VM that was shut off for the migration: since when, and what its disk held then
        self.off_since, self.content = 0.0, ""
        self._persons: list[threading.Thread] = []

    # --- bringing it there ----------------------------------------------------------------------------------------

    def reach(self) -> None:
        self.lab.shape(self.phase.mbit)
        self.phase.reach(self)

    def request(self) -> None:
        kind = self.phase.kind or ("live_storage" if self.guest == STORAGE_GUEST else "live")
        confirm = self.guest if KIND[Kind(kind)].stops else ""
        wanted = {"kind": kind, "confirm": confirm, **self.phase.options}
        self.pk = self.kvmweb.migrate(self.guest, self.target.name, **wanted)["id"]

    def shown(self) -> Any:
        return self.kvmweb.migration(self.pk)

    def tell(self) -> str:
        if not self.pk:
            return "not requested"
        shown = self.shown()
        return f"{shown['state']}: {shown['state_text']} {shown['error']}"

    # --- looking and acting ---------------------------------------------------------------------------------------

    def virsh_state(self, host: Host) -> str:
        """ "running (booted)", "" for a VM that the host does not have, "?" when its libvirtd does not answer."""
        try:
            return host.virsh("domstate", "--reason", self.uuid, timeout=LOOK_SECONDS).strip()
        except CommandFailed as failed:
            return "" if "failed to get domain" in failed.output else "?"

    def qemu(self, host: Host) -> int:
        """Its QEMU process there: exactly one."""
        (pid,) = host.qemus_of(self.uuid)
        return pid

    def person(self, host: Host, *command: str) -> None:
        """Somebody runs virsh on a host, and does not wait for more than a moment if libvirt makes them wait."""

        def run() -> None:
            with suppress(LabError):  # libvirt may well refuse it
                host.virsh(*command, timeout=VIRSH_SECONDS)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(2)
        self._persons.append(thread)

    def worker(self) -> int:
        """The process that holds the migration; the owner's name is MACHINE-PID-RANDOM."""
        owners = [entry["body"]["owner"] for entry in self.kvmweb.journal(self.pk) if entry["body"].get("owner")]
        return int(owners[-1].rsplit("-", 2)[1])

    def switch_off(self) -> None:
        """So that a VM migrates that is shut off."""
        self.source.virsh("destroy", self.uuid)
        self.kvmweb.wait_for_guest(self.guest, self.source.name, "shut off")
        self.off_since = time.monotonic()

    def cancel(self) -> None:
        answer = self.kvmweb.post(f"/migrations/{self.pk}/cancel", {"reason": "it does not come to an end"})
        assert answer.status in (202, 409), answer.body

    def close(self) -> None:
        """An admin has looked, and ends it."""
        answer = self.kvmweb.post(
            f"/migrations/{self.pk}/close", {"reason": "looked on both hosts"}, token=self.kvmweb.admin_token
        )
        assert answer.status == 200, answer.body

    # --- afterwards -----------------------------------------------------------------------------------------------

    @contextmanager
    def healed(self) -> Iterator[None]:
        """Whatever happens in here, the next cell finds hosts that work and a VM that no migration holds."""
        try:
            yield
        finally:
            self._heal_hosts()
            self._end()
            for person in self._persons:
                person.join(VIRSH_SECONDS)

    def _heal_hosts(self) -> None:
        for pid in self.kvmweb.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        for host in (self.source, self.target):
            host.cont_everything()
            host.unmute()
            for which in ("mgmt", "mig"):
                host.link(which, up=True)
            host.shape(None)
            host.start_daemon("libvirtd")

    def _end(self) -> None:
        """The migration is over for kvmweb, if need be because its QEMU processes are."""
        if not self.pk or self._over(20):
            return
        with suppress(AssertionError):
            self.cancel()
        if self._over(20):
            return
        for host in (self.source, self.target):
            for pid in host.qemus_of(self.uuid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.kvmweb.wait_for_state(self.pk, *ENDS, seconds=60)
        if self.shown()["state"] == "needs_attention":
            self.close()

    def _over(self, seconds: float) -> bool:
        """Ended, or closed because it needs a person."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            state = self.shown()["state"]
            if state in TERMINAL:
                return True
            if state == "needs_attention" and time.monotonic() > until - seconds / 2:
                self.close()
                return True
            time.sleep(0.3)
        return False
