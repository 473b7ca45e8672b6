"""The `virsh migrate` line that does what a request asks for: to compare, to learn, to do it by hand."""

from __future__ import annotations

from migrations_app.domain.options import OPTIONS, Option, Options, Type, Value
from migrations_app.domain.virsh import command


def equivalent_command(
    *,
    options: Options,
    guest: str,
    source_uri: str,
    peer_uri: str,
    migrate_uri: str = "",
    copy_disks: tuple[str, ...] = (),
    live: bool = True,
) -> list[str]:
    """Arguments for one command. `guest` is a name or UUID; `peer_uri` is how the source reaches the destination.

    `copy_disks` are the targets that are copied, as the preflight chose them: "all" in the options means all that are
    not shared.
    """
    flags = ["--live", "--p2p"] if live else ["--p2p"]
    values = {**options, "copy_disks": copy_disks}
    for option in sorted(OPTIONS, key=lambda option: list(Type).index(option.type)):
        flags += [] if option.beside else _words(option, values[option.name])
    return command("migrate", guest, peer_uri, *filter(None, [migrate_uri]), flags=flags, uri=source_uri)


def _words(option: Option, value: Value) -> list[str]:
    if value in (None, False, ()):
        return []
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return [word.format(text) for word in option.virsh]


def commands_beside(*, options: Options, guest: str, source_uri: str) -> list[list[str]]:
    """What is set beside the running migration, in a second terminal; [] when nothing is asked for."""
    found = []
    for option in OPTIONS:
        if option.beside and (words := _words(option, options[option.name])):
            found.append(command(words[0], guest, after=words[1:], uri=source_uri))
    return found
