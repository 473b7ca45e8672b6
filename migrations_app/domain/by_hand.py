"""The `virsh migrate` line that does what a request asks for: to compare, to learn, to do it by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hosts.facts.runtime import NO_LIMIT
from migrations_app.domain.options import OPTIONS, Option, Options, Type, Value
from migrations_app.domain.placement import Placements
from migrations_app.domain.virsh import command


def equivalent_command(
    *,
    options: Options,
    guest: str,
    source_uri: str,
    peer_uri: str,
    migrate_uri: str = "",
    copy_disks: tuple[str, ...] = (),
    cold: bool = False,
    live: bool = True,
) -> list[str]:
    """Arguments for one command. `guest` is a name or UUID; `peer_uri` is how the source reaches the destination.

    `copy_disks` are the targets that are copied, as the preflight chose them: "all" in the options means all that are
    not shared. A `migration_address` of the options takes the place of `migrate_uri`.
    """
    flags = [*(["--offline"] if cold else ["--live"] if live else []), "--p2p"]
    options = options.for_disks(copy_disks)
    values: dict[str, Value] = {**options, "copy_disks": copy_disks}
    if options.disk_bandwidth_mib:
        values["bandwidth_mib"] = None  # libvirt has one limit: memory gets it later, see commands_beside
    for option in sorted(OPTIONS, key=lambda option: list(Type).index(option.type)):
        flags += [] if option.beside else _words(option, values)
    if options.post_copy and options.bandwidth_mib:
        flags += ["--postcopy-bandwidth", str(options.bandwidth_mib)]
    where = [] if options.migration_address or not migrate_uri else [migrate_uri]
    return command("migrate", guest, peer_uri, *where, flags=flags, uri=source_uri)


def _words(option: Option, values: Mapping[str, Value]) -> list[str]:
    value = values[option.name]
    if value in (None, False, (), Placements()):
        return []
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value * option.scale)
    copied = values["copy_disks"]
    others = {
        "copied": ",".join(copied) if isinstance(copied, tuple) else "",
        "bracketed": f"[{text}]" if ":" in text else text,
        "compression": values["compression"],
    }
    return [word.format(text, **others) for word in option.virsh]


def commands_before(*, stops: bool, guest: str, source_uri: str) -> list[list[str]]:
    """Of a VM that is shut down: then it is waited for."""
    return [command("shutdown", guest, flags=["--mode=agent,acpi"], uri=source_uri)] if stops else []


def around_paused(command_: list[str], *, guest: str, there: str, target_uri: str) -> list[list[str]]:
    """What is done before and after the migration of a VM that is shut off, so that libvirt copies its disks. `there`
    is what the VM is called then."""
    start = command("start", guest, flags=("--paused",), uri="qemu:///system")
    return [start, command_, command("destroy", there, flags=("--graceful",), uri=target_uri)]


def commands_after(*, options: Options, stops: bool, guest: str, target_uri: str) -> list[list[str]]:
    """What is done when the migration has ended. `guest` is what the VM is called then."""
    return [command("start", guest, uri=target_uri)] if options.start_after or stops else []


def commands_beside(
    *, options: Options, guest: str, source_uri: str, copy_disks: tuple[str, ...] = ()
) -> list[list[str]]:
    """What is set beside the running migration, in a second terminal; [] when nothing is asked for."""
    found = []
    speed = options.for_disks(copy_disks).memory_speed
    if speed is not None:  # when memory starts
        found.append(command("migrate-setspeed", guest, after=[str(speed or NO_LIMIT)], uri=source_uri))
    for option in OPTIONS:
        if option.beside and (words := _words(option, options)):
            found.append(command(words[0], guest, after=words[1:], uri=source_uri))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDisk:
    """A disk that goes to another place on its VM's host: `path` is the new one, `size` in bytes."""

    target: str
    pool: str
    name: str
    path: str
    format: str
    size: int
    other_format: bool


def storage_commands(*, options: Options, guest: str, disks: Sequence[NewDisk]) -> list[list[str]]:
    """For a VM that runs: make the volumes, copy and switch over, and write the new places into its definition."""
    uri = "qemu:///system"
    sync = ["--synchronous-writes"] if options.sync_writes else []
    limit = ["--bandwidth", str(options.disk_bandwidth_mib)] if options.disk_bandwidth_mib else []
    end = ("--transient-job", "--reuse-external", *sync, *limit, "--wait", "--pivot")
    make = [command("vol-create-as", one.pool, one.name, str(one.size), after=_as(one), uri=uri) for one in disks]
    copy = [
        command("blockcopy", guest, one.target, one.path, after=("--format", one.format, *end), uri=uri)
        for one in disks
    ]
    return [*make, *copy, *(_saved(guest, one) for one in disks)]


def _as(disk: NewDisk) -> tuple[str, ...]:
    return "--allocation", "0", "--format", disk.format


def _saved(guest: str, disk: NewDisk) -> list[str]:
    format_ = f",driver.type={disk.format}" if disk.other_format else ""
    return ["virt-xml", guest, "--edit", f"target={disk.target}", "--disk", f"path={disk.path}{format_}"]
