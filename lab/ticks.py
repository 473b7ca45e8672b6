"""The guests' datagrams: whether a guest runs, how long it was silent, whether it runs twice."""

from __future__ import annotations

import bisect
import fcntl
import itertools
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

from lab.run import LabError

_ETHERNET_IPV4, _UDP = 0x0800, 17
_GET_ADDRESS = 0x8915
_STAMP = getattr(socket, "SO_TIMESTAMPNS", 35)


@dataclass(frozen=True)
class Tick:
    """One datagram. `arrived` is this machine's time.monotonic(); `sent_ns` the guest's own monotonic clock.

    `boot` is drawn at random by the guest when it boots: it survives a migration and changes with a restart. `pages` is
    the work that it has done since: how many pages it has rewritten.
    """

    arrived: float
    boot: str
    sequence: int
    sent_ns: int
    pages: int = 0


@dataclass
class _Heard:
    ticks: list[Tick] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)


class TickReceiver:
    """Collects ticks in a thread of its own. Use as a context manager, or call `close`. Several may listen at once.

    with TickReceiver(*lab.ticks_address) as ticks:
        ...
        assert ticks.largest_hole("web-01", since, time.monotonic()) < 2
    """

    def __init__(self, address: str, port: int) -> None:
        self._heard: dict[str, _Heard] = {}
        self._lock = threading.Lock()
        self._new = threading.Condition(self._lock)
        self._port = port
        # Taken from the link, before any packet filter of this machine, and without holding the port.
        # No protocol before the bind: it would hear every link of the machine until then, other labs' too.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
        self._socket.bind((_link_of(address), _ETHERNET_IPV4))
        self._socket.settimeout(0.2)
        self._closing = False
        self._thread = threading.Thread(target=self._receive, name="lab-ticks", daemon=True)
        self._thread.start()

    def __enter__(self) -> TickReceiver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self._socket.close()

    def names(self) -> set[str]:
        with self._lock:
            return set(self._heard)

    def last_seen(self, name: str) -> float | None:
        """time.monotonic() of the last tick, None when there was none."""
        with self._lock:
            heard = self._heard.get(name)
            return heard.arrivals[-1] if heard else None

    def ticks(self, name: str, since: float = 0, until: float | None = None) -> list[Tick]:
        with self._lock:
            heard = self._heard.get(name)
            if heard is None:
                return []
            first = bisect.bisect_left(heard.arrivals, since)
            last = len(heard.arrivals) if until is None else bisect.bisect_right(heard.arrivals, until)
            return heard.ticks[first:last]

    def largest_hole(self, name: str, since: float, until: float) -> float:
        """The longest silence in seconds between two moments, silence at either end included."""
        moments = [since, *(tick.arrived for tick in self.ticks(name, since, until)), until]
        return max(later - earlier for earlier, later in itertools.pairwise(moments))

    def wait_for(self, name: str, *, timeout: float, since: float | None = None) -> bool:
        """Wait until a tick arrives after `since` (default: now). False when none came within `timeout` seconds."""
        after = time.monotonic() if since is None else since
        with self._new:
            return self._new.wait_for(lambda: self._arrived_after(name, after), timeout)

    def boots(self, name: str, since: float = 0) -> list[str]:
        """The boot ids heard, in order of first appearance. More than one: the guest was restarted, not migrated."""
        return list(dict.fromkeys(tick.boot for tick in self.ticks(name, since)))

    def ran_twice(self, name: str, since: float = 0, until: float | None = None) -> bool:
        """Whether two copies of the guest sent at the same time.

        Copies made by a migration count on from the same number, so a number comes twice; copies that booted on
        their own have different boot ids, so an id comes back after another one was heard.
        """
        ticks = self.ticks(name, since, until)
        numbers = [(tick.boot, tick.sequence) for tick in ticks]
        runs = [boot for boot, _ in itertools.groupby(tick.boot for tick in ticks)]
        return len(set(numbers)) < len(numbers) or len(set(runs)) < len(runs)

    def _arrived_after(self, name: str, moment: float) -> bool:
        heard = self._heard.get(name)
        return heard is not None and heard.arrivals[-1] > moment

    def _receive(self) -> None:
        while not self._closing:
            try:
                packet, notes, _, _ = self._socket.recvmsg(2048, 256)
            except TimeoutError:
                continue
            arrived = _arrived(notes)
            words = _udp_payload(packet, self._port).decode("ascii", "replace").split()
            if len(words) != 6 or words[0] != "kvmweb-tick" or not "".join(words[3:]).isdigit():
                continue
            with self._new:
                heard = self._heard.setdefault(words[1], _Heard())
                heard.ticks.append(Tick(arrived, words[2], *(int(word) for word in words[3:])))
                heard.arrivals.append(arrived)
                self._new.notify_all()


def _arrived(notes: list[tuple[int, int, bytes]]) -> float:
    """When the kernel received it: on a busy machine this thread reads it later. By time.monotonic()."""
    now = time.monotonic()
    for level, kind, value in notes:
        if (level, kind) == (socket.SOL_SOCKET, _STAMP):
            seconds, nanoseconds = struct.unpack("qq", value[:16])
            late = time.time() - (seconds + nanoseconds / 1e9)
            return now - late if 0 <= late < 60 else now
    return now


def _link_of(address: str) -> str:
    """The link of this machine that has `address`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _GET_ADDRESS, struct.pack("256s", name.encode()))
            except OSError:
                continue
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    raise LabError(f"this machine has no link with address {address}: the lab is gone")


def _udp_payload(packet: bytes, port: int) -> bytes:
    """What an IPv4 packet carries if it is UDP to `port`, else nothing."""
    head = (packet[0] & 15) * 4 if packet else 0
    if len(packet) < head + 8 or packet[9] != _UDP or int.from_bytes(packet[head + 2 : head + 4], "big") != port:
        return b""
    return packet[head + 8 : head + int.from_bytes(packet[head + 4 : head + 6], "big")]
