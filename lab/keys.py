"""The lab's ssh keys. They outlive `down`: a host that comes back under the same name must have the same key."""

from __future__ import annotations

from pathlib import Path

from lab import node
from lab.hostfiles import KeyPair
from lab.node import Process
from lab.paths import STORE


def folder(prefix: str) -> Path:
    return STORE / "keys" / prefix


def private_key_path(prefix: str) -> Path:
    """The key for using the lab from the machine: root of every host accepts it."""
    return folder(prefix) / "lab"


def ensure(prefix: str, name: str, switch: Process) -> KeyPair:
    """Return the key called `name`, making it with the ssh-keygen of a node if there is none."""
    target = folder(prefix) / name
    public = target.with_suffix(".pub")
    if not public.exists():
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        inside = f"/run/new-{name}"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name}@{prefix}.lab", "-f", inside]
        node.run_in(switch, command)
        for file, ending in ((target, ""), (public, ".pub")):
            text = node.run_in(switch, ["cat", inside + ending])
            file.touch(mode=0o600)
            file.write_text(text)
    return KeyPair(private=target.read_text(), public=public.read_text())
