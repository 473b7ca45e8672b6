"""One libvirt connection under deadlines: every call runs in a thread of its own that is left behind when it hangs.

A call that does not come back in time says one of two things. When the host answers another, trivial question, it is
this call that hangs (a busy guest, a dead file server): the connection stays usable, the same question is not asked
again while the first one hangs. Otherwise the host hangs, and the connection is given up.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from hosts.facts.xml import BadXml
from hosts.gateway import _errors
from hosts.gateway.port import GatewayError, HostUnreachable

if TYPE_CHECKING:
    import libvirt

T = TypeVar("T")

#: for the trivial question, which libvirtd answers by threads kept for such
_ALIVE_SECONDS = 2.0
#: requests of ours in flight; at 5 (max_client_requests) libvirtd stops reading from us, and migrate() needs one
_AT_ONCE = 3
_MOST_HANGING = 2


class _Timeout(Exception):
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
            self._error = error
        self._work = _nothing
        self._done.set()
        self._finish()

    def done(self) -> bool:
        return self._done.is_set()

    def result(self, seconds: float) -> Any:
        if not self._done.wait(seconds):
            raise _Timeout
        if self._error is not None:
            raise self._error
        return self._value


def _nothing() -> None: ...


def within(seconds: float, work: Callable[[], T], *, what: str) -> T:
    """Run in a thread; raises HostUnreachable after `seconds` and leaves the thread behind."""
    try:
        value: T = _Task(work, _nothing).result(seconds)
    except _Timeout:
        raise HostUnreachable(f"{what} did not answer within {seconds:g} s") from None
    return value


class Link:
    """`name` is what errors call the host."""

    def __init__(self, raw: libvirt.virConnect, *, name: str, deadline: float) -> None:
        self.raw = raw
        self.name = name
        self.deadline = deadline
        self._slots = threading.Semaphore(_AT_ONCE)
        self._lock = threading.Lock()
        self._hanging: set[Hashable] = set()
        self._lost = ""
        self._closed = False

    def alive(self) -> bool:
        return not self._lost and self._open()

    def lose(self, why: str) -> None:
        """From now on every call fails at once."""
        with self._lock:
            self._lost = self._lost or why

    def call(
        self, what: str, work: Callable[[libvirt.virConnect], T], *, seconds: float | None = None, key: Hashable = None
    ) -> T:
        """Run `work` within the deadline (waiting for a slot included), errors translated.

        `what` names the question for people; `key` identifies it among hanging ones. Raises GatewayError (code 68)
        when only this question hangs, HostUnreachable when the host does.
        """
        limit = seconds or self.deadline
        identity = key if key is not None else what
        self.check(what, identity)
        started = time.monotonic()
        if not self._slots.acquire(timeout=limit):
            raise self._silent(what, limit)
        task = _Task(lambda: work(self.raw), lambda: self._ended(identity))
        try:
            with self.translated():
                value: T = task.result(max(0.0, limit - (time.monotonic() - started)))
                return value
        except _Timeout:
            self._hang(identity, task)
            raise self._silent(what, limit) from None

    def translate(self, error: libvirt.libvirtError, *, relayed: bool = False) -> GatewayError:
        """`relayed`: the call makes the host talk to another host, whose connection may be the one that failed."""
        found = _errors.translate(error, alive=self.alive(), relayed=relayed)
        if isinstance(found, HostUnreachable):
            self.lose(found.message)
        return found

    @contextlib.contextmanager
    def translated(self, *, relayed: bool = False) -> Iterator[None]:
        import libvirt

        try:
            yield
        except libvirt.libvirtError as error:
            raise self.translate(error, relayed=relayed) from None
        except BadXml as error:
            raise GatewayError(f"{self.name} sent what kvmweb does not read: {error}") from None
        except UnicodeDecodeError:
            raise GatewayError(f"{self.name} sent a text that is not UTF-8") from None

    def close(self, *, before: Callable[[], None]) -> None:
        """Waits a moment for libvirtd to say goodbye; a connection that hangs is left behind with its thread."""
        with self._lock:
            closed, self._closed = self._closed, True
        if closed:
            return
        self.lose("the connection was closed")

        def work() -> None:
            before()
            self.raw.close()

        with contextlib.suppress(Exception):
            within(_ALIVE_SECONDS, work, what=self.name)

    def check(self, what: str, identity: Hashable = None) -> None:
        """Raises HostUnreachable at once when the connection is gone, GatewayError while this question hangs."""
        if not self.alive():
            raise HostUnreachable(self._lost or f"the connection to {self.name} was lost")
        if identity in self._hanging:
            raise GatewayError(f"{self.name} still owes an answer: {what}", code=_errors.OPERATION_TIMEOUT)

    def _ended(self, identity: Hashable) -> None:
        with self._lock:
            self._hanging.discard(identity)
        self._slots.release()

    def _hang(self, identity: Hashable, task: _Task) -> None:
        with self._lock:
            if not task.done():
                self._hanging.add(identity)

    def _silent(self, what: str, limit: float) -> GatewayError:
        if len(self._hanging) <= _MOST_HANGING and self._answers():
            return GatewayError(
                f"{self.name} answers, but not this within {limit:g} s: {what}", code=_errors.OPERATION_TIMEOUT
            )
        self.lose(f"{self.name} did not answer within {limit:g} s ({what})")
        return HostUnreachable(self._lost)

    def _answers(self) -> bool:
        try:
            within(_ALIVE_SECONDS, self.raw.numOfDomains, what=self.name)
        except Exception:
            return False
        return True

    def _open(self) -> bool:
        try:
            return bool(self.raw.isAlive())
        except Exception:
            return False
