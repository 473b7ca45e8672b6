"""The API's request bodies. Unknown fields are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import AfterValidator, BeforeValidator, ConfigDict, WithJsonSchema, create_model

from hosts.facts.given_definition import MOST_BYTES, MOST_PARTS
from kvmweb.web.plain import Plain, is_plain
from migrations_app.api.texts import OrderText
from migrations_app.domain.convergence.bounds import LONGEST_NAME
from migrations_app.domain.kinds import KINDS, Kind
from migrations_app.domain.names import LONGEST_FILE, LONGEST_VM
from migrations_app.domain.options import OPTIONS, Option, Type
from migrations_app.domain.placement import FORMATS, TARGET, Placements, placements

MOST_DISKS = 64


def _disks(value: object) -> object:
    texts = isinstance(value, list) and all(isinstance(item, str) and TARGET.fullmatch(item) for item in value)
    if value is None or isinstance(value, bool) or (texts and len(value) <= MOST_DISKS):  # type: ignore[arg-type]
        return value
    raise ValueError("must be true, false, or a list of disk targets such as vda")


def _placements(value: object) -> Placements | None:
    if isinstance(value, dict) and len(value) > MOST_DISKS:
        raise ValueError(f"has more than {MOST_DISKS} disks")
    return None if value is None else placements(value)


def _target(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if number or (isinstance(value, str) and 0 < len(value) <= 63 and is_plain(value)):
        return value
    raise ValueError("must be the id or the name of a host")


_TEXTS = {
    "type": "array",
    "items": {"type": "string", "pattern": f"^{TARGET.pattern}$"},
    "minItems": 1,
    "maxItems": MOST_DISKS,
}
Disks = Annotated[
    Any, BeforeValidator(_disks), WithJsonSchema({"anyOf": [{"type": "boolean"}, _TEXTS, {"type": "null"}]})
]
_VOLUME_NAME = {"type": "string", "minLength": 1, "maxLength": LONGEST_FILE}
_PLACEMENT = {
    "type": "object",
    "properties": {"pool": _VOLUME_NAME, "name": _VOLUME_NAME, "format": {"type": "string", "enum": list(FORMATS)}},
    "additionalProperties": False,
    "minProperties": 1,
}
_PLACEMENTS = {
    "type": "object",
    "propertyNames": {"pattern": f"^{TARGET.pattern}$"},
    "additionalProperties": _PLACEMENT,
    "minProperties": 1,
    "maxProperties": MOST_DISKS,
}
DiskPlacements = Annotated[
    Any, BeforeValidator(_placements), WithJsonSchema({"anyOf": [_PLACEMENTS, {"type": "null"}]})
]
Address = Annotated[Plain, Field(min_length=1, max_length=253)] | None
VmName = Annotated[Plain, Field(min_length=1, max_length=LONGEST_VM)] | None
PolicyName = Annotated[Plain, Field(min_length=1, max_length=LONGEST_NAME)]
_NAME = {"type": "string", "minLength": 1, "maxLength": 63}
Target = Annotated[Any, BeforeValidator(_target), WithJsonSchema({"anyOf": [{"type": "integer"}, _NAME]})]


def _integer(option: Option) -> Any:
    """An integer in the option's bounds: both stand in the document, and the option's own sentence in the error."""

    def bounded(value: int) -> int:
        if not option.allows(value):
            raise ValueError(option.out_of_bounds)
        return value

    schema = {"type": "integer", "minimum": option.minimum, "maximum": option.maximum}
    return Annotated[int, AfterValidator(bounded), WithJsonSchema(schema)] | None


def _field(option: Option) -> tuple[Any, Any]:
    """(type, default) of an option in a request, for pydantic; an option that is left out has its default."""
    kinds: dict[Type, Callable[[Option], Any]] = {
        Type.BOOLEAN: lambda _: bool | None,
        Type.INTEGER: _integer,
        Type.DISKS: lambda _: Disks,
        Type.PLACEMENTS: lambda _: DiskPlacements,
        Type.CHOICE: lambda row: Literal[tuple(choice.value for choice in row.choices)] | None,
        Type.ADDRESS: lambda _: Address,
        Type.NAME: lambda _: VmName,
    }
    return kinds[option.type](option), Field(default=None, description=option.description or None)


class _OptionsIn(Schema):
    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        return self.dict(exclude_none=True)


if TYPE_CHECKING:
    OptionsIn = _OptionsIn
else:
    OptionsIn = create_model(
        "OptionsIn",
        __base__=_OptionsIn,
        __doc__="docs/options.md has the equivalent options of virsh. An option that is left out has its default.",
        **{option.name: _field(option) for option in OPTIONS},
    )


if TYPE_CHECKING:
    KindIn = str
else:
    KindIn = Literal[tuple(str(row.kind) for row in KINDS)]


_DEFINITION = f"domain XML with a name; at most {MOST_BYTES // 1024} KiB, {MOST_PARTS} elements and attributes"

_POLICY = (
    "name of a policy, for the kinds live and live_storage; without it, the first that is set of: VM, source host,"
    " installation"
)


class WishIn(Schema):
    """Where to and how."""

    model_config = ConfigDict(extra="forbid")

    target: Target | None = Field(
        None, description="id or name of the destination host; required, but for kind storage: there it is the VM's own"
    )
    kind: KindIn = Field(Kind.LIVE.value, description="the method of the migration")
    options: OptionsIn = OptionsIn()
    policy: PolicyName | None = Field(None, description=_POLICY)


class PreflightIn(WishIn):
    """Of a VM: `guest`. Of a definition that need not be defined anywhere: `definition` and `source`; it is checked as
    a VM that runs on `source`."""

    guest: UUID | None = None
    definition: str | None = Field(None, description=_DEFINITION)
    source: Target | None = Field(None, description="id or name of a host; with `definition` only")


class MigrationIn(WishIn):
    """`confirm`: the exact name of the VM; required with `unsafe`. `break_glass`: the reason not to wait for another
    admin, where four eyes are on for unsafe migrations; admins are alarmed."""

    guest: UUID
    idempotency_key: Plain = Field("", max_length=200)
    reason: Plain = Field("", max_length=1000)
    confirm: str = Field("", max_length=512)
    break_glass: Plain = Field("", max_length=1000)


class CancelIn(Schema):
    model_config = ConfigDict(extra="forbid")

    reason: Plain = Field("", max_length=1000)


def _order_value(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool)
    if value is None or number or (isinstance(value, str) and 0 < len(value) <= 63 and is_plain(value)):
        return value
    raise ValueError("must be a whole number, a name, or null")


OrderValue = Annotated[
    Any, BeforeValidator(_order_value), WithJsonSchema({"anyOf": [{"type": "integer"}, _NAME, {"type": "null"}]})
]


class OrderIn(Schema):
    """`value`: a whole number for bandwidth_mib (0 is no limit), max_downtime_ms and xbzrle_cache_mib, the name of a
    policy for restart, else null."""

    model_config = ConfigDict(extra="forbid")

    what: OrderText
    value: OrderValue = None
    reason: Plain = Field("", max_length=1000)
    idempotency_key: Plain = Field("", max_length=200)


class CloseIn(Schema):
    """`break_glass`: the reason not to wait for another admin, where four eyes are on; admins are alarmed."""

    model_config = ConfigDict(extra="forbid")

    reason: Plain = Field(min_length=1, max_length=1000, description="where the VM runs, and how you checked")
    break_glass: Plain = Field("", max_length=1000)


class GuestFilter(Schema):
    host: Plain = Field(
        "", max_length=63, description="id or name of the host the VMs are on, or with gone=true were on"
    )
    q: Plain = Field("", max_length=200, description="part of the name, or a UUID")
    gone: bool | None = Field(None, description="true: VMs that no host reports any more; false: the others")
    team: int | None = Field(None, description="id of the team the VMs belong to")


class KindsFilter(Schema):
    target: Plain = Field("", max_length=63, description="id or name of the destination host")
