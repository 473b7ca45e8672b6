"""The shared storage: a GlusterFS volume in a node of its own.

libvirt takes a plain shared directory for a local one and then calls every live migration unsafe, so tests on such a
directory would all have to switch off the very check that users rely on.
"""

from __future__ import annotations

import time

from lab import node
from lab.node import Process
from lab.run import CommandFailed, LabError

VOLUME = "testvms"
SERVER = "storage"
BRICK = "/bricks/testvms"

_OPTIONS = {
    # QEMU opens images with O_DIRECT, which not every file system of a user's machine has.
    "network.remote-dio": "enable",
    "performance.strict-o-direct": "off",
    # What Gluster's own "virt" profile sets for disk images with one writer at a time.
    "performance.quick-read": "off",
    "performance.read-ahead": "off",
    "performance.io-cache": "off",
    "performance.stat-prefetch": "off",
    "performance.write-behind": "off",
    # The network on which the hosts reach it gets cut, too: a guest's disk waits then, as one of a real SAN would.
    "network.ping-timeout": "600",
    "client.tcp-user-timeout": "600",
    "server.tcp-user-timeout": "600",
}


def start(storage: Process) -> None:
    """Create and start the volume. Raises LabError when Gluster cannot run here."""
    _run(storage, "/usr/sbin/glusterd", "--log-level", "WARNING")
    _wait_for_glusterd(storage)
    _gluster(storage, "volume", "create", VOLUME, f"{SERVER}:{BRICK}", "force")
    options = [word for pair in _OPTIONS.items() for word in pair]
    _gluster(storage, "volume", "set", VOLUME, *options)
    _gluster(storage, "volume", "start", VOLUME)


def _wait_for_glusterd(storage: Process) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            _gluster(storage, "pool", "list")
            return
        except CommandFailed:
            if time.monotonic() > deadline:
                raise LabError("glusterd does not answer") from None
            time.sleep(0.1)


def _gluster(storage: Process, *arguments: str) -> str:
    return _run(storage, "/usr/sbin/gluster", "--mode=script", *arguments)


def _run(storage: Process, *command: str) -> str:
    return node.run_in(storage, list(command))
