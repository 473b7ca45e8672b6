"""The ssh connections to one host that all of kvmweb's processes share: one, and another when its sessions are taken.

The watcher keeps them (`keep` is called about once a second). They are its children, in its process session, and end
with it, however it ends. Each has its control socket in a folder that is named after the way to the host and both keys;
ssh starts in that folder, so that the path of the data folder may be longer than a socket's may be.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import subprocess
import threading
import time
from pathlib import Path

from hosts.facts.endpoint import Endpoint
from hosts.gateway import _sessions, _ssh
from hosts.gateway.port import GatewayError

logger = logging.getLogger(__name__)

#: between two attempts to open the same connection
_PAUSE_SECONDS = 10.0
#: a connection whose control socket is not there by then is of no use: perhaps the file system has no sockets
_SOCKET_SECONDS = 15.0
#: without a session, a second connection is closed this long after it was opened
_IDLE_SECONDS = 60.0
#: for an ssh that was asked to end
_END_SECONDS = 2.0


class SharedConnections:
    """The methods are described in port.SharedConnections."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._name = ""
        self._folder = Path()
        self._running: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
        self._next: dict[int, float] = {}
        self._closed = False
        self._logged = ""
        self._lock = threading.Lock()

    def keep(self) -> None:
        with self._lock:
            try:
                self._keep()
                self._logged = ""
            except (GatewayError, OSError) as error:
                if str(error) != self._logged:
                    logger.warning("no shared ssh connection to %s: %s", self._endpoint.address, error)
                self._logged = str(error)

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._closed:
            with self._lock:
                first = self._running.get(0)
                if first is None or first[0].poll() is not None or self._socket(0).is_socket():
                    return
            time.sleep(0.01)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._end_all()

    def _keep(self) -> None:
        if self._closed:
            return
        if (name := _sessions.name_of(self._endpoint)) != self._name:
            self._end_all()
            self._name, self._folder = name, _sessions.folder_of(name)
            _discard(self._folder)
        for number, (process, since) in list(self._running.items()):
            age = time.monotonic() - since
            if process.poll() is not None:
                del self._running[number]
                if self._socket(number).is_socket():  # it was let in: the pause is for those that are not
                    self._next.pop(number, None)
            elif age > _SOCKET_SECONDS and not self._socket(number).is_socket():
                self._end(number)
            elif number and age > _IDLE_SECONDS:
                self._end_idle(number)
        if 0 not in self._running:
            self._start(0)
        elif (self._folder / _sessions.FULL).exists():
            (self._folder / _sessions.FULL).unlink()
            free = (number for number in range(_sessions.MOST_CONNECTIONS) if number not in self._running)
            if (another := next(free, None)) is not None:
                self._start(another)

    def _start(self, number: int) -> None:
        now = time.monotonic()
        if now < self._next.get(number, 0.0):
            return
        self._next[number] = now + _PAUSE_SECONDS
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in (str(number), _sessions.libvirt_socket(number)):
            (self._folder / name).unlink(missing_ok=True)
        for file in _sessions.lock_files(self._folder, number):
            file.touch(mode=0o600)
        _ssh.write_program(_sessions.program(self._folder, number), self._endpoint, folder=self._folder, socket=number)
        process = subprocess.Popen(
            _ssh.shared(self._endpoint, socket=number, libvirt=_sessions.libvirt_socket(number)),
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._running[number] = (process, now)

    def _socket(self, number: int) -> Path:
        return self._folder / str(number)

    def _end_idle(self, number: int) -> None:
        """Only with all its sessions in hand, so that nobody begins one meanwhile."""
        locked = [_sessions.lock(file) for file in _sessions.lock_files(self._folder, number)]
        try:
            if None not in locked:
                self._end(number)
        finally:
            for descriptor in locked:
                if descriptor is not None:
                    os.close(descriptor)

    def _end(self, number: int) -> None:
        process, _ = self._running.pop(number)
        self._socket(number).unlink(missing_ok=True)
        _end([process])

    def _end_all(self) -> None:
        processes = [process for process, _ in self._running.values()]
        self._running.clear()
        if self._name:
            _discard(self._folder)
        _end(processes)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    threading.Thread(target=_reap, args=(processes,), name="end-ssh", daemon=True).start()


def _reap(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _discard(folder: Path) -> None:
    """In one step: whoever comes now finds no connection, not half of one."""
    away = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        folder.rename(away)
    except FileNotFoundError:
        return
    shutil.rmtree(away, ignore_errors=True)


def discard_all() -> None:
    """What an earlier watcher has left. Its connections ended with it."""
    shutil.rmtree(_ssh.ssh_folder() / "shared", ignore_errors=True)
