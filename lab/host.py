"""A lab host: one plain libvirt machine, and what a test may do to it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from lab import network, node
from lab.run import LabError
from lab.state import HostState

DAEMONS: dict[str, list[str]] = {
    "virtlogd": ["/usr/sbin/virtlogd", "-d"],
    "virtlockd": ["/usr/sbin/virtlockd", "-d"],
    "sshd": ["/usr/sbin/sshd"],
    "libvirtd": ["/usr/sbin/libvirtd", "-d", "--listen"],
}
"""In the order in which they start: a guest that starts needs a running virtlogd."""

_END = "====end-of-answer===="


class Host:
    """Handle on a running host of the lab."""

    def __init__(self, state: HostState) -> None:
        self.state = state
        self.name = state.name
        self.address = state.address
        self.migration_address = state.migration_address
        self.uuid = state.uuid
        self.suite = state.suite
        self.host_key = state.host_key

    def exec(self, *command: str, stdin: str | None = None, timeout: float = 60, check: bool = True) -> str:
        """Run a program of the host's root inside the host, as its root."""
        return node.run_in(self.state.process, list(command), stdin=stdin, timeout=timeout, check=check)

    def virsh(self, *arguments: str, timeout: float = 120, check: bool = True) -> str:
        return self.exec("virsh", "-c", "qemu:///system", "-q", *arguments, timeout=timeout, check=check)

    def ask(self, *questions: str) -> list[str]:
        """What virsh says to each of several commands; "" for one that fails. One process asks them all: to start it
        takes longer than most answers."""
        if not questions:
            return []
        said = self.virsh("; ".join(f"{question}; echo {_END}" for question in questions), check=False)
        answers = said.split(_END)
        if len(answers) != len(questions) + 1:
            raise LabError(f"libvirt on {self.name} does not answer")
        return answers[:-1]

    def start_daemon(self, name: str) -> None:
        """Start a daemon that does not run; for libvirtd, return when it answers."""
        if not self.daemon_pids(name):
            self.exec(*DAEMONS[name])
        if name == "libvirtd":
            self.virsh("list", timeout=60)

    def kill_daemon(self, name: str) -> None:
        """SIGKILL, and return when the process is gone."""
        self._signal(name, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while self.daemon_pids(name):
            if time.monotonic() > deadline:
                raise LabError(f"{name} on {self.name} does not end")
            time.sleep(0.02)

    def stop_daemon(self, name: str) -> None:
        """SIGSTOP: the daemon hangs, its sockets stay open."""
        self._signal(name, signal.SIGSTOP)

    def cont_daemon(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    def cont_everything(self) -> None:
        """SIGCONT to every process of the host: daemons and guests alike."""
        for pid, _ in node.members(self.state.process):
            node.send(pid, signal.SIGCONT)

    def _signal(self, name: str, number: signal.Signals) -> None:
        pids = self.daemon_pids(name)
        if not pids:
            raise LabError(f"no {name} runs on {self.name}")
        for pid in pids:
            node.send(pid, number)

    def daemon_pids(self, name: str) -> list[int]:
        """Pids (as seen from the machine) of the daemon; of sshd only the listener, not its sessions."""
        if name not in DAEMONS:
            raise LabError(f"{name!r} is no daemon of a lab host: choose from {', '.join(DAEMONS)}")
        pids = [pid for pid, command in node.members(self.state.process) if command == name]
        if name == "sshd":
            pids = [pid for pid in pids if b"listener" in b" ".join(_command_line(pid))]
        return pids

    def qemu_pids(self) -> list[int]:
        return [pid for pid, command in node.members(self.state.process) if command.startswith("qemu-system")]

    def qemus_of(self, uuid: str) -> list[int]:
        """Pids of the QEMU processes of one guest: one while it runs or waits here, none when it is off."""
        wanted = uuid.encode()
        return [pid for pid in self.qemu_pids() if wanted in _command_line(pid)]

    def listening_ports(self) -> set[int]:
        """TCP ports on which anything in this host listens."""
        ports = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self.state.process.pid}/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A":
                    ports.add(int(words[1].rpartition(":")[2], 16))
        return ports

    def plug_in(self) -> None:
        """All cables, and nothing is muted."""
        lines = [f"link set {which} up" for which in network.NETWORKS]
        network.batch(self.state.process, [*lines, "route flush type blackhole"])

    def link(self, which: str, *, up: bool) -> None:
        """Pull or plug one of the host's cables: "mgmt", "mig" or "guest"."""
        if which not in network.NETWORKS:
            raise LabError(f"{which!r} is no link of a lab host: choose from {', '.join(network.NETWORKS)}")
        network.batch(self.state.process, [f"link set {which} {'up' if up else 'down'}"])

    def mute(self, address: str) -> None:
        """Let nothing that this host says reach `address`; what is said to it still arrives."""
        network.batch(self.state.process, [f"route replace blackhole {address}/32"])

    def unmute(self) -> None:
        """What was said meanwhile is sent again."""
        network.batch(self.state.process, ["route flush type blackhole"])

    def shape(self, mbit: int | None) -> None:
        """Limit what leaves this host on the migration network; None lifts the limit."""
        network.shape(self.state.process, "mig", mbit)

    def domains(self) -> dict[str, str]:
        """uuid -> name of every domain, running or not."""
        rows = [line.split(maxsplit=1) for line in self.virsh("list", "--all", "--uuid", "--name").splitlines()]
        return {row[0]: row[1].strip() for row in rows if len(row) == 2}

    def domain_state(self, name: str) -> str:
        """virsh's word: "running", "shut off", "paused" ..."""
        return self.virsh("domstate", name).strip()


def _command_line(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
