"""What a user asked for: which guest, where to, what kind, with which options and policy. Pure validation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hosts.facts.endpoint import BadEndpoint, check_address, is_loopback
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.names import LONGEST_VM, name_problem
from migrations_app.domain.option_encoding import XBZRLE
from migrations_app.domain.options import OPTIONS, Option, Options, Place, Type
from migrations_app.domain.placement import BadPlacement, placements

#: of its compression levels
ZLIB_MOST = 9


class BadRequest(ValueError):
    """The request contradicts itself. `field` names the option, the message is for a user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationRequest:
    """One intent. `guest` is a UUID, `target` a host's primary key. `policy`: the name of one, "" for the one that is
    set."""

    guest: str
    target: int
    kind: Kind = Kind.LIVE
    options: Options = field(default_factory=Options)
    policy: str = ""

    def as_json(self) -> dict[str, Any]:
        """Canonical form: two equal intents give equal JSON (used for idempotency keys)."""
        return {
            "guest": self.guest,
            "target": self.target,
            "kind": str(self.kind),
            "options": self.options.as_json(),
            "policy": self.policy,
        }


def make_request(*, guest: str, target: int, kind: Kind, options: dict[str, Any], policy: str = "") -> MigrationRequest:
    """Check what can be checked without looking at a host; raises BadRequest.

    `options` holds only what the person gave; `live_storage` implies `copy_disks`, and `storage` copies the keys of
    `disks`.
    """
    if policy and not KIND[kind].has_policy:
        raise BadRequest("policy", f"{KIND[kind].label} has no policy: it does not copy memory while the VM runs.")
    given = {key: value for key, value in options.items() if value is not None}
    if isinstance(given.get("copy_disks"), list | tuple):
        given["copy_disks"] = tuple(sorted(set(given["copy_disks"])))
    _choose_disks(given, kind)
    for option in OPTIONS:
        if option.type is Type.ADDRESS:
            _address(given, option)
        elif option.type is Type.NAME:
            _name(given, option)
    _place_disks(given, kind)
    try:
        made = Options(**given)
    except TypeError as error:
        raise BadRequest("options", f"Unknown option: {error}") from error
    if made.compressed and made.compression not in (None, XBZRLE):
        words = f"compressed means xbzrle, but the compression is {made.compression}. Remove one of the two."
        raise BadRequest("compressed", words)
    if made.undefine_source and not made.persist:
        raise BadRequest(
            "undefine_source",
            "Neither host would keep a definition, so the VM would be gone after its next shutdown. Define it on the"
            " destination (persist), or do not remove the definition from the source (undefine_source).",
        )
    for option in OPTIONS:
        _check(option, made, kind)
    if made.disk_bandwidth_mib and not (
        made.copy_disks or KIND[kind].same_host
    ):  # the page shows its box before disks are chosen
        words = "No disk is copied. Choose disks to copy, or remove the limit for disks."
        raise BadRequest("disk_bandwidth_mib", words)
    if made.compression == "zlib" and (made.compression_level or 0) > ZLIB_MOST:
        raise BadRequest("compression_level", f"The highest compression level of zlib is {ZLIB_MOST}.")
    return MigrationRequest(guest=guest, target=target, kind=kind, options=made, policy=policy)


def _choose_disks(given: dict[str, Any], kind: Kind) -> None:
    if KIND[kind].same_host:
        if given.get("copy_disks", False) is not False:
            raise BadRequest(
                "copy_disks", f"{KIND[kind].label} copies the disks that have a new place (disks), no others."
            )
    elif KIND[kind].copies:
        given.setdefault("copy_disks", True)
        if not given["copy_disks"]:
            other = Kind.OFFLINE if KIND[kind].off else Kind.LIVE
            raise BadRequest(
                "copy_disks", f"{KIND[kind].label} copies at least one disk. To copy none, use kind {other}."
            )
    elif KIND[kind].may_copy:
        given["copy_disks"] = given.get("copy_disks") or False
    elif given.get("copy_disks", False) is not False:
        raise BadRequest(
            "copy_disks",
            f"{KIND[kind].label} copies no disks. To copy them, use kind live_storage (Live with storage).",
        )


def _place_disks(given: dict[str, Any], kind: Kind) -> None:
    if "disks" not in given:
        if KIND[kind].same_host:
            raise BadRequest("disks", f"{KIND[kind].label}: choose a new place for at least one disk.")
        return
    try:
        given["disks"] = placements(given["disks"])
    except BadPlacement as bad:
        raise BadRequest("disks", str(bad)) from bad
    if KIND[kind].same_host:
        return
    copied = given.get("copy_disks", False)
    if copied is not True and (left := [target for target in given["disks"] if target not in (copied or ())]):
        raise BadRequest("disks", f"Disk {left[0]} is not among the disks to copy. Add it there, or leave it out here.")


def _check(option: Option, made: Options, kind: Kind) -> None:
    """What the option's row says of its value, and of the others beside it."""
    value = made[option.name]
    ignored = option.place is Place.WITH_KIND and not option.off_only and not KIND[kind].cold
    if kind not in option.kinds and value != option.default and not ignored:
        kinds = " or ".join(f"{KIND[one].label} ({one})" for one in Kind if one in option.kinds)
        raise BadRequest(option.name, f"{option.label}: only for the method {kinds}.")
    if value is None or value is False:
        return
    if option.type is Type.INTEGER and isinstance(value, int) and not option.allows(value):
        raise BadRequest(option.name, option.out_of_bounds)
    if option.type is Type.CHOICE and value not in [choice.value for choice in option.choices]:
        raise BadRequest(option.name, f"{option.label}: choose {', '.join(choice.value for choice in option.choices)}.")
    if option.clash and any(made[other] for other in option.conflicts):
        raise BadRequest(option.name, option.clash)
    plain = made.plain()
    for needs in option.needs:
        other = plain[needs.option]
        if (not needs.when or value in needs.when) and not (other in needs.values if needs.values else other):
            raise BadRequest(option.name, needs.why)


def _address(given: dict[str, Any], option: Option) -> None:
    """In its usual spelling. Nobody else can send to a loopback address."""
    value = given.get(option.name)
    if value in (None, ""):
        given.pop(option.name, None)
        return
    try:
        given[option.name] = check_address(str(value), field=option.name)
    except BadEndpoint as bad:
        raise BadRequest(option.name, str(bad)) from bad
    if is_loopback(given[option.name]):
        raise BadRequest(option.name, "Another host cannot send to a loopback address.")


def _name(given: dict[str, Any], option: Option) -> None:
    """libvirt itself checks the name that a VM gets by its migration for nothing."""
    value = given.get(option.name)
    if value in (None, ""):
        given.pop(option.name, None)
    elif problem := name_problem(f"The {option.label.lower()}", str(value), longest=LONGEST_VM):
        raise BadRequest(option.name, problem)
