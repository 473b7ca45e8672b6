"""What the gateway's lab tests share: connections to lab hosts, and a migration to watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hosts import gateway
from hosts.calls.move import MigrateCall, PeerHelper
from hosts.facts.endpoint import Endpoint, PeerEndpoint, Transport
from hosts.gateway import _ssh
from hosts.gateway.port import GatewayError, HostConnection
from lab import Host, Lab
from migrations_app.domain.options import Options
from tests.patience import PATIENCE

Open = Callable[..., HostConnection]


@contextmanager
def own_key(lab: Lab, folder: Path) -> Iterator[None]:
    """An ssh key of these tests, known to all hosts; guests at home before and after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ssh, "_data_dir", lambda: folder)
        lab.authorize_key(_ssh.public_key())
        lab.reset()
        yield
        lab.reset()


def door(host: Host, transport: Transport = Transport.TCP, *, user: str = "root", host_key: str = "") -> Endpoint:
    if transport is not Transport.SSH:
        return Endpoint(transport=transport, address=host.address)
    return Endpoint(transport=transport, address=host.address, user=user, host_key=host_key or host.host_key)


@contextmanager
def opener() -> Iterator[Open]:
    """Opens connections, and closes them at the end."""
    made: list[HostConnection] = []

    def connect(
        host: Host, transport: Transport = Transport.TCP, *, deadline: float = 10, user: str = "root"
    ) -> HostConnection:
        made.append(gateway.connect(door(host, transport, user=user), deadline=deadline))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def uuid_of(host: Host, name: str) -> str:
    return next(uuid for uuid, found in host.domains().items() if found == name)


def eventually(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """At least so many `seconds`."""
    end = time.monotonic() + max(seconds, PATIENCE)
    while not true():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


class Moving:
    """A migration in a thread, on a connection of its own, and the views it went through."""

    def __init__(self, opened: Open, source: Host, target: Host, name: str, **options: object) -> None:
        self.uuid = uuid_of(source, name)
        self.mover, self.source, self.target = opened(source), opened(source), opened(target)
        helper, copy_disks = options.pop("helper", PeerHelper.AUTO), options.pop("copy_disks", ())
        peer = options.pop("peer", PeerEndpoint(transport=Transport.TCP, address=target.address))
        self.call = MigrateCall(
            uuid=self.uuid,
            peer=peer,  # type: ignore[arg-type]
            migration_address=target.migration_address,
            helper=helper,  # type: ignore[arg-type]
            copy_disks=copy_disks,  # type: ignore[arg-type]
            flags=(wanted := Options(**options)).flags(),  # type: ignore[arg-type]
            parameters=wanted.parameters(),
        )
        self.error: GatewayError | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.mover.migrate(self.call)
        except GatewayError as error:
            self.error = error

    def over(self) -> bool:
        return not self._thread.is_alive()

    def end(self) -> None:
        self._thread.join(60)
        assert self.over()

    def copying(self) -> bool:
        job = self.source.job(self.uuid)
        return bool(job and job.memory_processed)
