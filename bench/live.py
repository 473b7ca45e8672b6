"""One live migration of a lab's VM by plain libvirt, over kvmweb's gateway: watched, and changed while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from hosts import gateway
from hosts.calls.move import KEEPS_ONE_DEFINITION, Flag, MigrateCall, Parameter, Value
from hosts.facts.endpoint import Endpoint, PeerEndpoint, Transport
from hosts.facts.guest import JobKind, JobStats
from hosts.gateway.port import GatewayError, HostConnection
from lab import GuestSpec, Host, Lab
from lab.node import enter
from lab.run import plain_environment

#: seconds between two looks; one more at the beginning of each pass
LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Seen:
    """libvirt's numbers, and the seconds since the migration was asked for."""

    at_s: float
    stats: JobStats


class Live:
    """It runs from the beginning on. `looks()` returns when it has ended."""

    def __init__(
        self,
        lab: Lab,
        guest: GuestSpec,
        source: str,
        target: str,
        flags: Iterable[Flag] = (),
        parameters: Mapping[Parameter, Value] | None = None,
    ) -> None:
        here, there = lab.hosts[source], lab.hosts[target]
        self._uuid, self._here, self._name = guest.uuid, here, guest.name
        self._mover, self.source, self._target = _connected(here), _connected(here), _connected(there)
        self._call = MigrateCall(
            uuid=guest.uuid,
            peer=PeerEndpoint(transport=Transport.TCP, address=there.name),
            migration_address=there.migration_address,
            flags=KEEPS_ONE_DEFINITION | set(flags),
            parameters=parameters or {},
        )
        self._error = ""
        self.began = self.ended = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def looks(self) -> Iterator[Seen]:
        with _passes(self._here, self._name) as new_pass:
            while self._thread.is_alive():
                stats = None
                with suppress(GatewayError):  # it does not answer while it switches over
                    stats = self.source.job(self._uuid)
                if stats is not None and stats.kind is JobKind.MIGRATION_OUT and stats.memory_total:
                    yield Seen(time.monotonic() - self.began, stats)
                new_pass.wait(LOOK_SECONDS)
                new_pass.clear()

    @property
    def arrived(self) -> bool:
        return not self._error

    @property
    def error(self) -> str:
        return self._error

    def abort(self) -> None:
        with suppress(GatewayError):  # it has ended meanwhile
            self.source.abort(self._uuid)

    def finished(self) -> JobStats | None:
        """libvirt's numbers of the whole migration, when it arrived."""
        return self._target.finished_job(self._uuid) if self.arrived else None

    def close(self) -> None:
        self._thread.join(60)
        for connection in (self._mover, self.source, self._target):
            connection.close()

    def _run(self) -> None:
        try:
            self._mover.migrate(self._call)
        except GatewayError as error:
            self._error = error.message
        self.ended = time.monotonic()


def _connected(host: Host) -> HostConnection:
    return gateway.connect(Endpoint(transport=Transport.TCP, address=host.address))


@contextmanager
def _passes(host: Host, name: str) -> Iterator[threading.Event]:
    """Set whenever QEMU begins a pass over the VM's memory."""
    new_pass = threading.Event()
    virsh = ["virsh", "-c", "qemu:///system", "event", name, "--event", "migration-iteration", "--loop"]
    listener = subprocess.Popen(
        enter(host.state.process, ["stdbuf", "-oL", *virsh]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=plain_environment(),
        start_new_session=True,  # it runs in a child of the program that enters the host
    )

    def listen() -> None:
        for _ in listener.stdout or ():
            new_pass.set()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield new_pass
    finally:
        os.killpg(listener.pid, signal.SIGTERM)
        listener.wait()
        thread.join()
