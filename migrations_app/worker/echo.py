"""Light probes of one address: ICMP echo where the system allows it, else a TCP port that answers."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import time
from typing import Protocol

_ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
_ICMP = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_STAMP = getattr(socket, "SO_TIMESTAMPNS", 35)
#: ports that many VMs have open: ssh, web, Windows' remote desktop
PORTS = (22, 443, 80, 3389)
#: connections that wait for an answer at the same time
_MOST_WAITING = 32
_MOST_READ = 64


class Echo(Protocol):
    """Not for several threads. `seconds`: between two probes, so that they stay light."""

    seconds: float

    def send(self, number: int) -> bool:
        """Whether it left this machine. Never raises."""
        ...

    def answers(self, seconds: float) -> list[tuple[int, float]]:
        """(number, time.monotonic() of its arrival) of the answers that came, after waiting for one so long."""
        ...

    def close(self) -> None: ...


class Icmp:
    seconds = 0.02

    def __init__(self, address: str) -> None:
        """Raises OSError: it is not allowed here, or no route leads there."""
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = _icmp_socket(self._family)
        self._raw = self._socket.type == socket.SOCK_RAW
        self._cookie = os.urandom(8)
        self._id = int.from_bytes(os.urandom(2), "big")
        try:
            self._socket.setblocking(False)
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
            self._socket.connect((address, 0))
        except OSError:
            self._socket.close()
            raise

    def send(self, number: int) -> bool:
        kind, _ = _ECHO[self._family]
        body = self._cookie + struct.pack("!Q", number)
        head = struct.pack("!BBHHH", kind, 0, 0, self._id, number & 0xFFFF)
        if self._family == socket.AF_INET:  # the system counts that of IPv6
            head = struct.pack("!BBHHH", kind, 0, checksum(head + body), self._id, number & 0xFFFF)
        try:
            self._socket.send(head + body)
        except OSError:
            return False
        return True

    def answers(self, seconds: float) -> list[tuple[int, float]]:
        found: list[tuple[int, float]] = []
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return found
        for _ in range(_MOST_READ):  # a VM may send more than it was asked
            try:
                packet, notes, _, _ = self._socket.recvmsg(2048, 256)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EINTR):
                    return found
                continue  # what somebody on the way said of an earlier probe
            number = self._number(packet)
            if number is not None:
                found.append((number, _arrived(notes)))
        return found

    def close(self) -> None:
        self._socket.close()

    def _number(self, packet: bytes) -> int | None:
        """Of the probe that this answers; None: it answers none of ours."""
        if self._raw and self._family == socket.AF_INET:
            packet = packet[(packet[0] & 15) * 4 :] if packet else b""
        if len(packet) < 24 or packet[0] != _ECHO[self._family][1] or packet[8:16] != self._cookie:
            return None
        return int.from_bytes(packet[16:24], "big")


class Tcp:
    """A connection each time, which is dropped as soon as it is accepted."""

    seconds = 0.1

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._waiting: dict[int, tuple[int, socket.socket]] = {}

    def send(self, number: int) -> bool:
        if len(self._waiting) >= _MOST_WAITING:
            self._drop(next(iter(self._waiting)))
        try:
            connection = socket.socket(self._family, socket.SOCK_STREAM)
        except OSError:
            return False
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if connection.connect_ex((self._address, self._port)) in (0, errno.EINPROGRESS):
            self._waiting[connection.fileno()] = (number, connection)
            return True
        connection.close()
        return False

    def answers(self, seconds: float) -> list[tuple[int, float]]:
        if not self._waiting:
            time.sleep(seconds)
            return []
        poll = select.poll()
        for file in self._waiting:
            poll.register(file, select.POLLOUT)
        found, ready = [], poll.poll(seconds * 1000)
        now = time.monotonic()
        for file, _ in ready:
            number, connection = self._waiting[file]
            # refused, or no way: somebody on the way may have said so
            if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                found.append((number, now))
            self._drop(file)
        return found

    def close(self) -> None:
        for file in list(self._waiting):
            self._drop(file)

    def _drop(self, file: int) -> None:
        self._waiting.pop(file)[1].close()


def find(address: str, *, seconds: float = 1.0, ports: tuple[int, ...] = PORTS) -> Echo | None:
    """The first that is answered within so long, ICMP before TCP; None: none is."""
    with contextlib.suppress(OSError):
        if (icmp := _answered(Icmp(address), seconds)) is not None:
            return icmp
    return next((found for port in ports if (found := _answered(Tcp(address, port), seconds / len(ports)))), None)


def _answered(echo: Echo, seconds: float) -> Echo | None:
    until = time.monotonic() + seconds
    echo.send(0)
    while (left := until - time.monotonic()) > 0:
        if echo.answers(min(left, seconds / 4)):
            return echo
        echo.send(0)
    echo.close()
    return None


def is_own(address: str) -> bool:
    """Whether it is this machine's, which answers whatever a VM does."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind((address, 0))
        except OSError:
            return False
    return True


def checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _icmp_socket(family: socket.AddressFamily) -> socket.socket:
    """Without a privilege where net.ipv4.ping_group_range has the group of this process, else a raw one."""
    try:
        return socket.socket(family, socket.SOCK_DGRAM, _ICMP[family])
    except PermissionError:
        return socket.socket(family, socket.SOCK_RAW, _ICMP[family])


def _arrived(notes: list[tuple[int, int, bytes]]) -> float:
    """When the system received it: this thread may have come to read it later."""
    now = time.monotonic()
    for level, kind, value in notes:
        if level == socket.SOL_SOCKET and kind == _STAMP and len(value) >= 16:
            whole, parts = struct.unpack("qq", value[:16])
            late = time.time() - (whole + parts / 1e9)
            return now - late if 0 <= late < 1 else now
    return now
