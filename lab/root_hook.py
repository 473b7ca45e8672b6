#!/usr/bin/python3
"""Called by mmdebstrap while it makes a root (its argument): no service ever starts there, a guest kernel is added.

The kernel is only unpacked: installed, it would build an initramfs that nobody boots.
"""

from __future__ import annotations

import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

GUEST_MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_balloon", "button", "evdev")
#: only in guests that have an agent
AGENT_MODULES = ("virtio_console",)
GUEST_FOLDER = "usr/lib/kvmweb-guest"


def keep_services_quiet(root: Path) -> None:
    """No package may start a daemon, now or later, nor create a PostgreSQL cluster that nobody asked for."""
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    cluster = root / "etc/postgresql-common/createcluster.conf"
    cluster.parent.mkdir(parents=True, exist_ok=True)
    cluster.write_text("create_main_cluster = false\n")


def add_guest_kernel(root: Path) -> None:
    environment = dict(os.environ, APT_CONFIG=os.environ["MMDEBSTRAP_APT_CONFIG"])
    depends = subprocess.run(
        ["apt-cache", "depends", "linux-image-cloud-amd64"], env=environment, check=True, capture_output=True, text=True
    ).stdout
    package = next(line.split()[1] for line in depends.splitlines() if line.strip().startswith("Depends: linux-image"))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        # apt drops its privileges to a user that must be able to write here.
        scratch.chmod(0o777)
        subprocess.run(["apt-get", "download", package], cwd=scratch, env=environment, check=True)
        subprocess.run(["dpkg-deb", "-x", str(next(scratch.glob("*.deb"))), str(scratch / "x")], check=True)
        target = root / GUEST_FOLDER
        (target / "modules").mkdir(parents=True)
        (target / "agent-modules").mkdir()
        shutil.copy(next((scratch / "x/boot").glob("vmlinuz-*")), target / "vmlinuz")
        _copy_modules(scratch / "x", target)


def _copy_modules(unpacked: Path, target: Path) -> None:
    """Copy the wanted modules and what they need, numbered in the order in which they must be loaded."""
    files = {file.name.split(".")[0].replace("-", "_"): file for file in unpacked.rglob("*.ko*")}
    order: list[str] = []

    def add(name: str) -> None:
        # A name without a file is built into this kernel.
        if name in order or name not in files:
            return
        for needed in _depends(_content(files[name])):
            add(needed)
        order.append(name)

    for wanted in GUEST_MODULES:
        add(wanted)
    every = len(order)
    for wanted in AGENT_MODULES:
        add(wanted)
    for position, name in enumerate(order):
        folder = target / ("modules" if position < every else "agent-modules")
        (folder / f"{position:02d}-{name}.ko").write_bytes(_content(files[name]))


def _content(file: Path) -> bytes:
    return lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()


def _depends(module: bytes) -> list[str]:
    start = module.find(b"\0depends=") + len(b"\0depends=")
    return [name.replace("-", "_") for name in module[start : module.index(b"\0", start)].decode().split(",") if name]


def main() -> None:
    root = Path(sys.argv[1])
    if os.environ.get("MMDEBSTRAP_HOOK") == "essential":
        keep_services_quiet(root)
    else:
        add_guest_kernel(root)


if __name__ == "__main__":
    main()
