"""What crosses a host's link, most often that of the migration network, counted by the kernel."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lab import node
from lab.host import Host

MIB = 1024 * 1024
#: everything on a link until stdin ends: how much it was, and how often the word was in it
_CAPTURE = """
import select, socket, sys
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
tap.bind((sys.argv[1], 0))
print("ready", flush=True)
seen = bytearray()
while sys.stdin not in (ready := select.select([tap, sys.stdin], [], [])[0]):
    seen += tap.recv(1 << 17)
tap.setblocking(False)
try:
    while True:
        seen += tap.recv(1 << 17)
except BlockingIOError:
    print(len(seen), seen.count(sys.argv[2].encode()))
"""


def sent(host: Host, link: str = "mig") -> int:
    """Bytes that the host has sent over one of its links."""
    return _counted(host, link)[8]


def carried(hosts: Iterable[Host], link: str) -> int:
    """Bytes that the hosts have received and sent over one of their links."""
    return sum(counted[0] + counted[8] for counted in (_counted(host, link) for host in hosts))


def _counted(host: Host, link: str) -> list[int]:
    rows = [line.split(":", 1) for line in host.exec("cat", "/proc/net/dev").splitlines() if ":" in line]
    return [int(number) for number in next(row[1].split() for row in rows if row[0].strip() == link)]


def mib_per_second(host: Host, seconds: float) -> float:
    """The mean rate of what the host sends from now on."""
    began, before = time.monotonic(), sent(host)
    time.sleep(seconds)
    return (sent(host) - before) / (time.monotonic() - began) / MIB


class Captured:
    """Filled when the capture has ended."""

    size = 0
    hits = 0


@contextmanager
def captured(host: Host, word: str, link: str = "mig") -> Iterator[Captured]:
    """What crosses one of the host's links meanwhile, in both directions."""
    command = node.enter(host.state.process, [sys.executable, "-c", _CAPTURE, link, word], network_only=True)
    found = Captured()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tap:
        assert tap.stdout is not None
        assert tap.stdout.readline() == "ready\n"
        yield found
        said, _ = tap.communicate(timeout=60)
    found.size, found.hits = map(int, said.split())
