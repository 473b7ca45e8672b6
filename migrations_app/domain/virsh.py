"""Lines for virsh, to copy: the one place that makes them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def virsh(verb: str, *objects: str, flags: Sequence[str] = (), after: Sequence[str] = ()) -> str:
    """One line for a shell, every word quoted where it must be. `flags` stand before the objects, `after` behind them;
    an object that looks like an option is kept from being one."""
    return shlex.join(command(verb, *objects, flags=flags, after=after))


def command(verb: str, *objects: str, flags: Sequence[str] = (), after: Sequence[str] = (), uri: str = "") -> list[str]:
    """The same as words; `uri` is the libvirt to connect to."""
    connect = ["-c", uri] if uri else []
    end_of_options = ["--"] if any(word.startswith("-") for word in objects) else []
    return ["virsh", *connect, verb, *flags, *end_of_options, *objects, *after]
