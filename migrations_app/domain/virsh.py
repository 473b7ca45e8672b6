"""Lines for virsh, to copy: the one place that makes them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

#: for `undefine`: the UEFI variables and the state of the TPM may be in use, or all that is left of them
KEEP_STATE = ("--keep-nvram", "--keep-tpm")
_LENGTH_OF_A_UUID = 36


def vm(name: str, uuid: str) -> str:
    """What to call a VM on a line: its name, or its UUID when the name is easily copied wrong (other letters than
    ASCII, spaces at an end or several together) or virsh would take it for an ID or another VM's UUID."""
    legible = name.isascii() and name.isprintable() and " ".join(name.split()) == name
    return name if legible and not name.isdigit() and len(name) != _LENGTH_OF_A_UUID else uuid


def virsh(verb: str, *objects: str, flags: Sequence[str] = (), after: Sequence[str] = ()) -> str:
    """One line for a shell, every word quoted where it must be. `flags` stand before the objects, `after` behind them;
    an object that looks like an option is kept from being one."""
    return line(command(verb, *objects, flags=flags, after=after))


def command(verb: str, *objects: str, flags: Sequence[str] = (), after: Sequence[str] = (), uri: str = "") -> list[str]:
    """The same as words; `uri` is the libvirt to connect to."""
    connect = ["-c", uri] if uri else []
    end_of_options = ["--"] if any(word.startswith("-") for word in objects) else []
    return ["virsh", *connect, verb, *flags, *end_of_options, *objects, *after]


def line(words: Sequence[str]) -> str:
    """For a shell, every word quoted where it must be; what cannot be seen is spelled out, as bash reads it."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    return f"$'{''.join(map(_spelled, word))}'"


def _spelled(character: str) -> str:
    if character.isprintable():
        return f"\\{character}" if character in "\\'" else character
    return "".join(f"\\x{byte:02x}" for byte in character.encode())
