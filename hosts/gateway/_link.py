"""One libvirt connection under deadlines, one call at a time.

One at a time, because libvirt's client library may crash when several threads call over one connection (a race in
handing on its inner event loop, fixed in libvirt 10.4; Debian 12 has 9.0: seen here, not only read). Each call runs in
a thread of its own. One that does not come back in time keeps its connection, which is never touched by anybody else
again and closed by that thread, should it ever return. A new connection takes its place: when it can be opened it was
that one question which hangs (a stuck guest, a dead file server), when not it is the host.
"""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from hosts.facts.xml import BadXml
from hosts.gateway import _errors
from hosts.gateway.port import GatewayError, HostUnreachable

if TYPE_CHECKING:
    import libvirt

T = TypeVar("T")
Closed = Callable[["libvirt.virConnect"], None]

#: to close a connection, and to open the connection that replaces a hanging one
_SHORT_SECONDS = 2.0
_MOST_HANGING = 4


class Timeout(Exception):
    pass


class _Task:
    """A call in a daemon thread. `finish` is called in that thread, whenever it ends."""

    def __init__(self, work: Callable[[], Any], finish: Callable[[], None]) -> None:
        self._work = work
        self._finish = finish
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="libvirt-call", daemon=True).start()

    def _run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:
            # its frames hold libvirt's handles, and a handle keeps a closed connection open
            traceback.clear_frames(error.__traceback__)
            self._error = error
        self._work = _nothing
        self._finish()  # before anybody can begin the next call
        self._done.set()

    def result(self, seconds: float) -> Any:
        if not self._done.wait(seconds):
            raise Timeout
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
            return self._value
        finally:
            del error  # or it would hold this frame, and this frame it


def _nothing() -> None: ...


def _leave(_raw: object) -> None: ...


def within(seconds: float, work: Callable[[], T]) -> T:
    """Run in a thread; raises Timeout after `seconds` and leaves the thread behind."""
    value: T = _Task(work, _nothing).result(seconds)
    return value


class _Wire:
    """One connection of libvirt's. Used by the thread of the call in progress only, also for its end."""

    def __init__(self, raw: libvirt.virConnect, closed: Closed) -> None:
        self.raw = raw
        self._closed = closed
        #: what is to be undone before it is closed: registrations keep it open
        self.undo: list[Callable[[], Any]] = []
        self._lock = threading.Lock()
        self._busy = self._retired = False

    def begin(self) -> None:
        with self._lock:
            self._busy = True

    def end(self) -> None:
        """In the thread of the call, after it."""
        with self._lock:
            self._busy = False
            retired = self._retired
        if retired:
            self._close()

    def retire(self) -> bool:
        """No more calls: close it, or leave that to the call that is still in progress (False)."""
        with self._lock:
            already, self._retired = self._retired, True
            if self._busy or already:
                return already
        with contextlib.suppress(Timeout):
            within(_SHORT_SECONDS, self._close)
        return True

    def _close(self) -> None:
        for step in [*self.undo, self.raw.close]:
            with contextlib.suppress(Exception):
                step()
        self.undo.clear()
        self._closed(self.raw)


class Link:
    """`name` names the host in errors. `closed` is called with each connection that was closed."""

    def __init__(
        self, open_raw: Callable[[], libvirt.virConnect], *, name: str, deadline: float, closed: Closed = _leave
    ) -> None:
        """Raises HostUnreachable."""
        self.name = name
        self.deadline = deadline
        self._open_raw = open_raw
        self._closed = closed
        self._lane = threading.Lock()
        self._hanging: set[Hashable] = set()
        self._lost = ""
        self._prepare: list[Callable[[libvirt.virConnect, list[Callable[[], Any]]], None]] = []
        try:
            self._wire = _Wire(within(deadline, open_raw), closed)
        except Timeout:
            raise HostUnreachable(f"{name} did not answer within {deadline:g} s") from None

    def is_current(self, raw: object) -> bool:
        return raw is self._wire.raw

    def alive(self) -> bool:
        return not self._lost and self._open()

    def lose(self, why: str) -> None:
        """From now on every call fails at once."""
        self._lost = self._lost or why

    def prepare(self, what: str, step: Callable[[libvirt.virConnect, list[Callable[[], Any]]], None]) -> None:
        """Run a step now, and again on each connection that replaces this one. It appends how to undo itself."""
        self.call(what, lambda raw: step(raw, self._wire.undo))
        self._prepare.append(step)

    def call(
        self,
        what: str,
        work: Callable[[libvirt.virConnect], T],
        *,
        seconds: float | None = None,
        key: Hashable = None,
        relayed: bool = False,
    ) -> T:
        """Run `work` within the deadline, waiting for the call before it included; errors translated.

        `what` names the question for people; `key` identifies it among hanging ones. `relayed`: see _errors. Raises
        GatewayError (code 68) when only this question hangs, HostUnreachable when the host does.
        """
        limit = seconds or self.deadline
        identity = key if key is not None else what
        end = time.monotonic() + limit
        if not self._lane.acquire(timeout=limit):
            raise GatewayError(f"the connection to {self.name} is busy", code=_errors.OPERATION_TIMEOUT)
        try:
            self._check(identity, what)
            wire = self._wire
            wire.begin()
            task = _Task(lambda: work(wire.raw), lambda: self._ended(identity, wire))
            with self._translated(relayed=relayed):
                value: T = task.result(max(0.0, end - time.monotonic()))
                return value
        except Timeout:
            raise self._replace(identity, what, limit) from None
        finally:
            self._lane.release()

    def call_without_end(self, work: Callable[[libvirt.virConnect], T]) -> T:
        """Run `work` in this thread for as long as it takes; everything else over this connection waits."""
        with self._lane:
            self._check(None, "")
            wire = self._wire
            wire.begin()
            try:
                with self._translated(relayed=True):
                    return work(wire.raw)
            finally:
                wire.end()

    def close(self) -> None:
        """Waits a moment for libvirtd to close. A call in progress ends in its own time, the connection after it."""
        self.lose("the connection was closed")
        self._wire.retire()

    def translate(self, error: libvirt.libvirtError, *, relayed: bool = False) -> GatewayError:
        """`relayed`: the call makes the host talk to another host, whose connection may be the one that failed."""
        found = _errors.translate(error, alive=self.alive(), relayed=relayed)
        if not isinstance(found, HostUnreachable):
            return found
        lost = f"the connection to libvirt was lost: {found.message}"
        self.lose(lost)
        return HostUnreachable(lost, code=found.code, domain=found.domain)

    @contextlib.contextmanager
    def _translated(self, *, relayed: bool) -> Iterator[None]:
        import libvirt

        try:
            yield
        except libvirt.libvirtError as error:
            traceback.clear_frames(error.__traceback__)  # as in _Task: they hold libvirt's handles
            raise self.translate(error, relayed=relayed) from None
        except BadXml as error:
            raise GatewayError(f"{self.name} sent XML that kvmweb does not read: {error}") from None
        except UnicodeDecodeError:
            raise GatewayError(f"{self.name} sent text that is not UTF-8") from None

    def _check(self, identity: Hashable, what: str) -> None:
        if not self.alive():
            raise HostUnreachable(self._lost or f"the connection to {self.name} was lost")
        if identity in self._hanging:
            raise GatewayError(f"{self.name} has not answered this before: {what}", code=_errors.OPERATION_TIMEOUT)

    def _ended(self, identity: Hashable, wire: _Wire) -> None:
        wire.end()
        self._hanging.discard(identity)

    def _replace(self, identity: Hashable, what: str, limit: float) -> GatewayError:
        """After a call that did not come back in time; the lane is still held."""
        old = self._wire
        self._hanging.add(identity)
        if old.retire():  # it came back in this very moment
            self._hanging.discard(identity)
        lost = f"{self.name} did not answer within {limit:g} s ({what})"
        if self._lost or len(self._hanging) > _MOST_HANGING:
            self.lose(lost)
            return HostUnreachable(lost)
        try:
            self._wire = within(_SHORT_SECONDS, self._open_prepared)
        except Exception:
            self.lose(lost)
            return HostUnreachable(lost)
        text = f"{self.name} did not answer this question within {limit:g} s: {what}"
        return GatewayError(text, code=_errors.OPERATION_TIMEOUT)

    def _open_prepared(self) -> _Wire:
        wire = _Wire(self._open_raw(), self._closed)
        for step in self._prepare:
            step(wire.raw, wire.undo)
        return wire

    def _open(self) -> bool:
        try:
            return bool(self._wire.raw.isAlive())
        except Exception:
            return False
