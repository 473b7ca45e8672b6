"""Guests of the fakes that are started paused, and ended again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hosts.facts.guest import RunState
from hosts.facts.paused import PausedGuest
from hosts.gateway.port import Refused
from tests.fakes.guests import FakeGuest

if TYPE_CHECKING:
    from tests.fakes.gateway import FakeHost

#: says that this was called
Called = Callable[..., FakeGuest]


class FakeOwnFiles:
    def __init__(self, host: Callable[..., FakeHost]) -> None:
        self._host = host

    def read(self, path: str) -> bytes | None:
        return self._host("files.read", path).own_files.get(path)

    def write(self, path: str, content: bytes) -> None:
        self._host("files.write", path).own_files[path] = content

    def remove(self, path: str) -> None:
        self._host("files.remove", path).own_files.pop(path)


class FakePaused:
    """`listeners` are those of one connection: (guest, what to call)."""

    def __init__(
        self,
        called: Called,
        listeners: list[tuple[str, Callable[[], None]]],
        host: Callable[..., FakeHost],
    ) -> None:
        self._called = called
        self._host = host
        self._listeners = listeners
        self.mine: list[tuple[str, Callable[[], None]]] = []

    @property
    def files(self) -> FakeOwnFiles:
        return FakeOwnFiles(self._host)

    def start(self, uuid: str, mark: str) -> None:
        guest = self._called("paused.start", uuid, mark)
        if guest.active:
            raise Refused("Requested operation is not valid: domain is already active", code=55, domain=10)
        guest.state, guest.reason, guest.mark, guest.run = RunState.PAUSED, "user", mark, guest.run + 1
        guest.requests = guest.cpu_ms = 0

    def look(self, uuid: str) -> PausedGuest:
        guest = self._called("paused.look", uuid)
        return PausedGuest(mark=guest.mark, state=guest.state, requests=guest.requests, cpu_ms=guest.cpu_ms)

    def end(self, uuid: str, mark: str) -> None:
        guest = self._called("paused.end", uuid, mark)
        if guest.mark != mark or self.look(uuid).ran:
            raise Refused("the VM has run", code=55)
        guest.state, guest.reason, guest.mark, guest.job = RunState.SHUTOFF, "destroyed", "", None

    def listen(self, uuid: str, resumed: Callable[[], None]) -> None:
        self._called("paused.listen", uuid)
        self.mine.append((uuid, resumed))
        self._listeners.append((uuid, resumed))
