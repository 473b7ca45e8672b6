"""What crosses a host's link of the migration network, counted by the kernel."""

from __future__ import annotations

import time

from lab.host import Host

MIB = 1024 * 1024


def sent(host: Host, link: str = "mig") -> int:
    """Bytes that the host has sent over one of its links."""
    rows = [line.split(":", 1) for line in host.exec("cat", "/proc/net/dev").splitlines() if ":" in line]
    return int(next(row[1].split()[8] for row in rows if row[0].strip() == link))


def mib_per_second(host: Host, seconds: float) -> float:
    """The mean rate of what the host sends from now on."""
    began, before = time.monotonic(), sent(host)
    time.sleep(seconds)
    return (sent(host) - before) / (time.monotonic() - began) / MIB
