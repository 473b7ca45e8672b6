"""What a user asked for: which guest, where to, what kind, with which options. Pure validation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from migrations_app.domain.kinds import KIND, KINDS, Kind
from migrations_app.domain.options import OPTIONS, Option, Options, Value


class BadRequest(ValueError):
    """The request contradicts itself. `field` names the option, the message is for a user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


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
            "options": self.options.as_json(),
        }


def make_request(*, guest: str, target: int, kind: Kind, options: dict[str, Any]) -> MigrationRequest:
    """Check what can be checked without looking at a host; raises BadRequest.

    `options` holds only what the person gave; `live_storage` implies `copy_disks`.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if isinstance(given.get("copy_disks"), list | tuple):
        given["copy_disks"] = tuple(sorted(set(given["copy_disks"])))
    _choose_disks(given, kind)
    _fit(given, kind)
    try:
        made = Options(**given)
    except TypeError as error:
        raise BadRequest("options", f"Unknown option: {error}") from error
    if made.undefine_source and not made.persist:
        raise BadRequest(
            "undefine_source",
            "Neither host would keep a definition, so the VM would be gone after its next shutdown. Define it on the"
            " destination (persist), or do not remove the definition from the source (undefine_source).",
        )
    for option in OPTIONS:
        _check(option, made[option.name])
    return MigrationRequest(guest=guest, target=target, kind=kind, options=made)


def _choose_disks(given: dict[str, Any], kind: Kind) -> None:
    if KIND[kind].copies:
        given.setdefault("copy_disks", True)
        if not given["copy_disks"]:
            raise BadRequest("copy_disks", "Live with storage copies at least one disk. To copy none, use kind live.")
    elif KIND[kind].may_copy:
        given["copy_disks"] = given.get("copy_disks") or False
    elif given.get("copy_disks", False) is not False:
        raise BadRequest("copy_disks", "Live copies no disks. To copy them, use kind live_storage (Live with storage).")


def _fit(given: dict[str, Any], kind: Kind) -> None:
    """What has no effect with this kind is not asked for in silence."""
    for option in OPTIONS:
        if kind not in option.kinds and given.get(option.name, option.default) not in (option.default, False):
            others = " or ".join(row.label for row in KINDS if row.kind in option.kinds)
            raise BadRequest(
                option.name, f"“{option.label}” has no effect with the method {KIND[kind].label}. It is for {others}."
            )


def _check(option: Option, value: Value) -> None:
    """Bounds, where the option has them."""
    if option.minimum is None or option.maximum is None or value is None or isinstance(value, tuple):
        return
    if not option.minimum <= value <= option.maximum:
        raise BadRequest(option.name, option.out_of_bounds)
