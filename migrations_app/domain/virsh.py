"""The `virsh migrate` line that does what a request asks for: to compare, to learn, to do it by hand."""

from __future__ import annotations

import shlex

from migrations_app.domain.request import Options


def equivalent_command(
    *,
    options: Options,
    guest: str,
    source_uri: str,
    peer_uri: str,
    migrate_uri: str = "",
    copy_disks: tuple[str, ...] = (),
) -> list[str]:
    """Arguments for one command. `guest` is a name or UUID; `peer_uri` is how the source reaches the destination.

    `copy_disks` are the targets that are copied, as the preflight chose them: "all" in the options means all that are
    not shared.
    """
    words = ["virsh", "-c", source_uri, "migrate", "--live", "--p2p"]
    wanted = {
        "--persistent": options.persist,
        "--undefinesource": options.undefine_source,
        "--unsafe": options.unsafe,
        "--abort-on-error": options.abort_on_error,
        "--auto-converge": options.auto_converge,
        "--compressed": options.compressed,
    }
    words += [flag for flag, on in wanted.items() if on]
    if copy_disks:
        words += ["--copy-storage-all", "--migrate-disks", ",".join(copy_disks)]
    if options.bandwidth_mib is not None:
        words += ["--bandwidth", str(options.bandwidth_mib)]
    if guest.startswith("-"):
        words.append("--")
    return [*words, guest, peer_uri, *([migrate_uri] if migrate_uri else [])]


def downtime_command(*, options: Options, guest: str, source_uri: str) -> list[str] | None:
    """The longest downtime is set beside the running migration, in a second terminal; None when none is asked for."""
    if options.max_downtime_ms is None:
        return None
    end_of_options = ["--"] if guest.startswith("-") else []
    return [
        *("virsh", "-c", source_uri, "migrate-setmaxdowntime", *end_of_options),
        *(guest, str(options.max_downtime_ms)),
    ]


def line(words: list[str]) -> str:
    """One line for a shell, every word quoted where it must be."""
    return shlex.join(words)
