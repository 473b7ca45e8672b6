"""What can be known of a migration before it begins, written down beside each recorded one."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from hosts.gateway.port import GatewayError, HostConnection
from lab import Host
from lab.node import enter
from lab.run import plain_environment

#: seconds of each measurement of the dirty rate, one after the other: short ones, and one that is long enough to show
#: whether the same pages are written again
WINDOWS = (1, 1, 1, 3)
PROBE_SECONDS = 1.0
PROBE_PORT = 49_900
_SENDER = """
import socket, sys, time
address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
data = bytes(65536)
with socket.create_connection((address, port), timeout=5) as out:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        out.sendall(data)
"""
_RECEIVER = """
import socket, sys, time
address, port = sys.argv[1], int(sys.argv[2])
with socket.create_server((address, port)) as server:
    print("ready", flush=True)
    server.settimeout(10)
    into, _ = server.accept()
    began, got = 0.0, 0
    while block := into.recv(65536):
        got += len(block)
        # what the path's buffers take at once is not its rate
        if not began and got >= 1 << 18:
            began, got = time.monotonic(), 0
    print(int(got / max(time.monotonic() - began, 0.001)) if began else 0)
"""


def known_before(connection: HostConnection, uuid: str, here: Host, there: Host) -> dict[str, Any]:
    return {
        "memory": asdict(connection.passes.memory.use(uuid)),
        "dirty": [asdict(rate) for seconds in WINDOWS if (rate := dirty_rate(connection, uuid, seconds))],
        "nominal_mbit": nominal_mbit(here),
        "probe_bps": probe(here, there),
    }


def dirty_rate(connection: HostConnection, uuid: str, seconds: int) -> Any:
    connection.passes.memory.measure(uuid, seconds)
    late = time.monotonic() + seconds + 5
    while time.monotonic() < late:
        time.sleep(0.1)
        with suppress(GatewayError):
            if found := connection.passes.memory.measured(uuid):
                return found
    return None


def nominal_mbit(host: Host) -> int | None:
    """What the migration network's link calls itself, whatever it is limited to."""
    told = host.exec("cat", "/sys/class/net/mig/speed", check=False).strip()
    return int(told) if told.isdigit() else None


def probe(here: Host, there: Host) -> int:
    """Bytes per second of a stream of PROBE_SECONDS from one host's migration address to the other's."""
    where = [there.migration_address, str(PROBE_PORT)]
    receiver = subprocess.Popen(
        enter(there.state.process, [sys.executable, "-c", _RECEIVER, *where], network_only=True),
        stdout=subprocess.PIPE,
        text=True,
        env=plain_environment(),
    )
    assert receiver.stdout is not None
    with receiver, suppress(socket.timeout):
        receiver.stdout.readline()
        subprocess.run(
            enter(here.state.process, [sys.executable, "-c", _SENDER, *where, str(PROBE_SECONDS)], network_only=True),
            env=plain_environment(),
            check=True,
            timeout=30,
        )
        return int(receiver.stdout.readline() or 0)
    return 0
