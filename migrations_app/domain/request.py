"""What a person asked for: which guest, where to, what kind, with which options. Pure validation."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

MAX_BANDWIDTH_MIB = 1_000_000
MAX_DOWNTIME_MS = 2_000_000


class Kind(StrEnum):
    LIVE = "live"
    LIVE_STORAGE = "live_storage"


class BadRequest(ValueError):
    """The request contradicts itself. `field` names the option, the message is for a person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """kvmweb's names; docs/options.md maps them to virsh's.

    copy_disks: False, True (all that are not shared or read-only), or disk targets. bandwidth_mib: MiB/s.
    """

    persist: bool = True
    undefine_source: bool = True
    copy_disks: bool | tuple[str, ...] = False
    bandwidth_mib: int | None = None
    max_downtime_ms: int | None = None
    unsafe: bool = False
    abort_on_error: bool = False
    auto_converge: bool = False
    compressed: bool = False

    def for_guest(self, *, persistent: bool) -> Options:
        """What they come to: a transient guest stays transient, and has no definition to take away."""
        persist = self.persist and persistent
        return replace(self, persist=persist, undefine_source=self.undefine_source and persist)


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationRequest:
    """One intent. `guest` is a UUID, `target` a host's primary key."""

    guest: str
    target: int
    kind: Kind = Kind.LIVE
    options: Options = field(default_factory=Options)

    def as_json(self) -> dict[str, Any]:
        """Canonical form: two equal intents give equal JSON (used for idempotency keys)."""
        return {
            "guest": self.guest,
            "target": self.target,
            "kind": str(self.kind),
            "options": options_json(self.options),
        }


def options_json(options: Options) -> dict[str, Any]:
    values = asdict(options)
    if isinstance(options.copy_disks, tuple):
        values["copy_disks"] = list(options.copy_disks)
    return values


def options_from_json(values: dict[str, Any]) -> Options:
    values = dict(values)
    if isinstance(values.get("copy_disks"), list):
        values["copy_disks"] = tuple(values["copy_disks"])
    return Options(**values)


def make_request(*, guest: str, target: int, kind: Kind, options: dict[str, Any]) -> MigrationRequest:
    """Check what can be checked without looking at a host; raises BadRequest.

    `options` holds only what the person gave; `live_storage` implies `copy_disks`.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if isinstance(given.get("copy_disks"), list | tuple):
        given["copy_disks"] = tuple(sorted(set(given["copy_disks"])))
    if kind is Kind.LIVE_STORAGE:
        given.setdefault("copy_disks", True)
        if not given["copy_disks"]:
            raise BadRequest(
                "copy_disks", "Moving with storage copies at least one disk. Choose kind live to copy none."
            )
    elif given.get("copy_disks", False) is not False:
        raise BadRequest("copy_disks", "Kind live copies no disks. Choose kind live_storage to copy them.")
    try:
        made = options_from_json(given)
    except TypeError as error:
        raise BadRequest("options", f"Unknown option: {error}") from error
    if made.undefine_source and not made.persist:
        raise BadRequest(
            "undefine_source",
            "Removing the definition at the source without keeping one at the destination would lose the VM at its"
            " next shutdown. Set undefine_source to false, or persist to true.",
        )
    if made.bandwidth_mib is not None and not 1 <= made.bandwidth_mib <= MAX_BANDWIDTH_MIB:
        raise BadRequest("bandwidth_mib", f"Bandwidth is 1 to {MAX_BANDWIDTH_MIB} MiB/s.")
    if made.max_downtime_ms is not None and not 1 <= made.max_downtime_ms <= MAX_DOWNTIME_MS:
        raise BadRequest("max_downtime_ms", f"The longest downtime is 1 to {MAX_DOWNTIME_MS} ms.")
    return MigrationRequest(guest=guest, target=target, kind=kind, options=made)
