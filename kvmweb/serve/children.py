"""One child process of serve: a copy of it in a session of its own, forked again whenever it ends.

Forked and not started anew, because children that share the memory of the code they run need half as much. For this
serve has one thread, and no database connection when it forks.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

from django.db import connections
from setproctitle import setproctitle

from kvmweb.serve.pulse import Pulse
from kvmweb.serve.sessions import Register, end_session, members, tell

log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1
_LONGEST_PAUSE = 10.0
#: after a run this long, the next pause is short again
_WELL_SECONDS = 30.0
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """In a new process: SIGTERM for it as soon as the thread that started it ends, however it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it has died already
        os._exit(1)


class Child:
    """`work` is what it does; it begins with `let_go`, which closes what of serve's it must not keep.

    `before` runs before each start, which waits until it returns True. It is restarted when its `pulse` stops.
    SIGTERM is sent to the main process only: a signal to the group can block a task cluster.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        register: Register,
        *,
        let_go: Callable[[], object],
        before: Callable[[], bool] | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self.name = name
        self._work = work
        self._let_go = let_go
        self._register = register
        self._before = before
        self._pulse = pulse
        self.pid: int | None = None
        self._code: int | None = None
        self.started = 0.0
        self._failures = 0
        self._next = 0.0

    def keep(self) -> None:
        """Start it if it does not run and its pause is over. Called again and again."""
        if self.pid is not None:
            code = self._poll()
            if code is None and (self._pulse is None or self._pulse.alive(self.started)):
                return
            if code is None:
                self.restart("it does not respond")
            else:
                self._ended(code)
        if time.monotonic() < self._next:
            return
        if self._before is not None and not self._before():
            self._next = time.monotonic() + 1.0
            return
        self.pid, self._code = self._fork(), None
        self._register.add(self.pid)
        self.started = time.monotonic()
        log.info("%s started (pid %s)", self.name, self.pid)

    def _fork(self) -> int:
        """Returns when the child leads its session: only then can what it leaves be found."""
        connections.close_all()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        listen, ready = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.close(ready)
            os.close(listen)
            self._be(parent)
        os.close(ready)
        os.read(listen, 1)
        os.close(listen)
        return pid

    def _be(self, parent: int) -> NoReturn:
        """In the child, above all frames of serve, which must not go on here."""
        code = 1
        try:
            die_with_parent(parent)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            self._let_go()
            setproctitle(f"kvmweb: {self.name}")
            self._work()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            logging.shutdown()
            os._exit(code)

    def _poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        if self._code is None and self.pid is not None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def _ended(self, code: int) -> None:
        log.warning("%s ended with status %s; starting it again", self.name, code)
        self._sweep()
        lived = time.monotonic() - self.started
        self._failures = 0 if lived > _WELL_SECONDS else self._failures + 1
        self._next = time.monotonic() + min(_LONGEST_PAUSE, 0.2 * 2**self._failures)

    def _sweep(self) -> None:
        """End what the main process left in its session: orphans of a cluster would continue to take tasks."""
        if self.pid is not None:
            end_session(self.pid)
            self._register.remove(self.pid)
            self.pid = None

    def restart(self, why: str) -> None:
        log.error("%s: %s; restarting it", self.name, why)
        self._kill()
        self._next = 0.0

    def _kill(self) -> None:
        if self.pid is not None:
            end_session(self.pid)
            while self._poll() is None:
                time.sleep(0.01)
            self._sweep()

    def ask_to_stop(self) -> None:
        if self.pid is not None and self._poll() is None:
            tell(self.pid, signal.SIGTERM)

    def stopped(self) -> bool:
        return self.pid is None or (self._poll() is not None and not members(self.pid))

    def end(self) -> None:
        if not self.stopped():
            log.warning("%s did not stop in time and was killed", self.name)
        self._kill()
