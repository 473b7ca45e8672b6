"""One child process of serve: started in its own session, restarted whenever it ends."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from kvmweb.serve.pulse import Pulse
from kvmweb.serve.sessions import MARK, Register, end_session, members, tell

log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1
_LONGEST_PAUSE = 10.0
#: after a run this long, the next pause is short again
_WELL_SECONDS = 30.0
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """For `preexec_fn`: SIGTERM for this process as soon as the thread that started it ends, however it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it has died already
        os._exit(1)


class Child:
    """`before` runs before each start, which waits until it returns True. It is restarted when its `pulse` stops.

    SIGTERM is sent to the main process only: a signal to the group can block a task cluster.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        register: Register,
        *,
        env: Mapping[str, str] | None = None,
        before: Callable[[], bool] | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self.name = name
        self._command = list(command)
        inherited = {name: value for name, value in os.environ.items() if name != "Q_CLUSTER_NAME"}
        self._env = {**inherited, **(env or {}), MARK: register.mark}
        self._register = register
        self._before = before
        self._pulse = pulse
        self._process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self._failures = 0
        self._next = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def keep(self) -> None:
        """Start it if it does not run and its pause is over. Called again and again."""
        if self._process is not None:
            code = self._process.poll()
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
        self._process = subprocess.Popen(
            self._command,
            env=self._env,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid()),
            stdin=subprocess.DEVNULL,
        )
        self._register.add(self._process.pid)
        self.started = time.monotonic()
        log.info("%s started (pid %s)", self.name, self._process.pid)

    def _ended(self, code: int) -> None:
        assert self._process is not None
        log.warning("%s ended with status %s; starting it again", self.name, code)
        self._sweep()
        lived = time.monotonic() - self.started
        self._failures = 0 if lived > _WELL_SECONDS else self._failures + 1
        self._next = time.monotonic() + min(_LONGEST_PAUSE, 0.2 * 2**self._failures)

    def _sweep(self) -> None:
        """End what the main process left in its session: orphans of a cluster would continue to take tasks."""
        if self._process is not None:
            end_session(self._process.pid)
            self._register.remove(self._process.pid)
            self._process = None

    def restart(self, why: str) -> None:
        log.error("%s: %s; restarting it", self.name, why)
        process = self._process
        if process is not None:
            end_session(process.pid)
            process.wait()
            self._sweep()
        self._next = 0.0

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            tell(self._process.pid, signal.SIGTERM)

    def stopped(self) -> bool:
        return self._process is None or (self._process.poll() is not None and not members(self._process.pid))

    def end(self) -> None:
        if self._process is not None:
            if not self.stopped():
                log.warning("%s did not stop in time and was killed", self.name)
            end_session(self._process.pid)
            self._process.wait()
            self._sweep()
