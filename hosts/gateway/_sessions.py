"""Sessions on a host's shared ssh connections, for whoever asks the host something: see _shared for who keeps these.

A session is a lock on one of eight files per connection, held as long as its ssh runs: no count to get wrong, and the
kernel frees it with its process. Where there is none, the question makes a connection of its own, as it did before.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hosts.facts.endpoint import Endpoint
from hosts.gateway import _process, _ssh

#: sshd allows ten on a connection (MaxSessions), and takes a moment to end one
MOST_SESSIONS = 8
MOST_CONNECTIONS = 4
FULL = "full"
#: a session that takes longer to answer casts doubt on the connection: others do not wait behind it
_LATE_SECONDS = 3.0
#: after a session that did not answer at all: by then ssh has ended a connection that is dead
_AVOID_SECONDS = 20.0

_doubts: dict[str, list[float]] = defaultdict(list)
_doubts_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Session:
    """`program` is started instead of ssh, with its arguments."""

    program: Path
    _descriptor: int
    _name: str

    @property
    def connected(self) -> bool:
        """Whether the shared connection has not ended."""
        return self.program.with_suffix("").is_socket()

    def free(self) -> None:
        os.close(self._descriptor)

    def waiting(self) -> AbstractContextManager[None]:
        """While an answer is due. Others avoid the connection when it is late."""
        return _waiting(self._name)

    def avoid(self) -> None:
        """It did not answer: make connections of one's own for a while."""
        now = time.monotonic()
        with _doubts_lock:
            _doubts[self._name].append(now)
        forget = threading.Timer(_AVOID_SECONDS, _forget, (self._name, now))
        forget.daemon = True
        forget.start()


def name_of(endpoint: Endpoint) -> str:
    """Everything that decides who is connected to whom: when one of these changes, it is another connection."""
    way = (endpoint.address, str(endpoint.port), endpoint.user, endpoint.host_key, _ssh.public_key())
    return hashlib.sha256("\0".join(way).encode()).hexdigest()[:24]


def folder_of(name: str) -> Path:
    return _ssh.ssh_folder() / "shared" / name


def lock_files(folder: Path, number: int) -> list[Path]:
    return [folder / f"{number}.{place}" for place in range(MOST_SESSIONS)]


def libvirt_socket(number: int) -> str:
    """Its name in the folder: whoever connects to it is connected to libvirt on the host, without a session."""
    return f"{number}.libvirt"


def program(folder: Path, number: int) -> Path:
    return folder / f"{number}.ssh"


def take(endpoint: Endpoint) -> Session | None:
    """A free session, None where there is none. The last one of a connection asks for another connection."""
    name = name_of(endpoint)
    folder = folder_of(name)
    if not folder.is_dir() or _doubtful(name):
        return None
    for number in range(MOST_CONNECTIONS):
        if not (folder / str(number)).is_socket():
            continue
        files = lock_files(folder, number)
        for file in files:
            descriptor = lock(file)
            if descriptor is not None:
                if file is files[-1]:
                    _want_another(folder)
                return Session(program(folder, number), descriptor, name)
    _want_another(folder)
    return None


@contextmanager
def to_libvirt(endpoint: Endpoint) -> Iterator[str | None]:
    """The path of a socket of the host's libvirt, while a connection to it is opened; None where there is none. By a
    descriptor of the folder: the path of the folder may be longer than that of a socket may be."""
    name = name_of(endpoint)
    folder = folder_of(name)
    if _doubtful(name) or not (folder / "0").is_socket() or not (folder / libvirt_socket(0)).is_socket():
        yield None
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _waiting(name):
            yield f"/proc/self/fd/{descriptor}/{libvirt_socket(0)}"
    finally:
        os.close(descriptor)


def lock(file: Path) -> int | None:
    """Its descriptor, or None when another holds it or it is gone."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def run_ssh(endpoint: Endpoint, argv: Sequence[str], *, deadline: float) -> _process.Finished:
    """Run a program on the host, over a shared connection if there is one. Raises HostUnreachable."""
    end = time.monotonic() + deadline
    session = take(endpoint)
    if session is not None:
        try:
            with session.waiting():
                done = _process.run(_ssh.command(endpoint, argv, program=session.program), deadline=deadline)
        finally:
            session.free()
        if done.code is None:
            session.avoid()
            raise _ssh.unfinished(endpoint, deadline)
        if done.code != _ssh.SSH_FAILED:
            return done
    # the shared connection has just ended, if there was one: the words of a login say what is wrong
    return _ssh.run_ssh(endpoint, argv, deadline=end - time.monotonic())


@contextmanager
def _waiting(name: str) -> Iterator[None]:
    late = time.monotonic() + _LATE_SECONDS
    with _doubts_lock:
        _doubts[name].append(late)
    try:
        yield
    finally:
        with _doubts_lock:
            _doubts[name].remove(late)


def _want_another(folder: Path) -> None:
    with suppress(OSError):
        (folder / FULL).touch()


def _doubtful(name: str) -> bool:
    with _doubts_lock:
        return any(late < time.monotonic() for late in _doubts[name])


def _forget(name: str, late: float) -> None:
    with _doubts_lock:
        _doubts[name].remove(late)
