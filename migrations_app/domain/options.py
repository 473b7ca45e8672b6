"""The options of a migration, one row each. Form, API, page, virsh line, libvirt's call, documentation and tests
iterate over this table: a new option is a new row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from hosts.calls.move import Flag, Parameter
from migrations_app.domain.kinds import Kind

Value = bool | int | tuple[str, ...] | None


class Type(StrEnum):
    BOOLEAN = "boolean"
    #: false, true (all that are not on storage of both hosts), or targets such as vda
    DISKS = "disks"
    INTEGER = "integer"


class Place(StrEnum):
    """Where the migrate page has it."""

    WITH_KIND = "with the kind"
    OPTIONS = "options"
    DANGER = "danger"  # shown only to those who may choose it, with a confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """`virsh` are the words of `virsh migrate`, "{}" for the value, or a command of its own beside the running
    migration; none for what kvmweb alone knows. `libvirt` is how the call is told; None for what is not said in the
    call. `since_libvirt` and `since_qemu` are libvirt's numbers (9_000_000 is 9.0), 0 for every version. `conflicts`
    are names of options."""

    name: str
    type: Type
    label: str
    consequence: str
    virsh: tuple[str, ...]
    libvirt: Flag | Parameter | None = None
    default: Value = None
    unit: str = ""
    minimum: int | None = None
    maximum: int | None = None
    kinds: frozenset[Kind] = frozenset(Kind)
    since_libvirt: int = 0
    since_qemu: int = 0
    conflicts: tuple[str, ...] = ()
    place: Place = Place.OPTIONS
    #: the smaller, the further up on the page
    rank: int = 0
    #: for the API's document, where a name does not say enough
    description: str = ""
    #: what is said of a number out of its bounds, a sentence with "{minimum}" and "{maximum}"
    bounds: str = ""
    #: a command of its own, beside the running migration
    beside: bool = False

    @property
    def not_for(self) -> list[Kind]:
        """The kinds with which it has no effect: the page hides it there."""
        return [kind for kind in Kind if kind not in self.kinds]

    @property
    def out_of_bounds(self) -> str:
        return self.bounds.format(minimum=self.minimum, maximum=self.maximum)


def _flag(name: str, flag: Flag, virsh: str, **more: Any) -> Option:
    row: dict[str, Any] = {"default": False, **more}
    return Option(name=name, type=Type.BOOLEAN, libvirt=flag, virsh=(virsh,), **row)


#: those that copy memory in passes while the VM runs
_LIVE = frozenset({Kind.LIVE, Kind.LIVE_STORAGE})

OPTIONS: tuple[Option, ...] = (
    _flag(
        "persist",
        Flag.PERSIST_DEST,
        "--persistent",
        default=True,
        label="Define the VM on the destination",
        consequence="Without it the VM is gone from the destination after its next shutdown.",
        rank=6,
    ),
    _flag(
        "undefine_source",
        Flag.UNDEFINE_SOURCE,
        "--undefinesource",
        default=True,
        label="Remove the definition from the source",
        consequence="Without it the source keeps a shut-off definition that somebody could start by mistake.",
        rank=7,
    ),
    Option(
        name="copy_disks",
        type=Type.DISKS,
        default=False,
        label="Disks to copy",
        consequence="If you choose none: Live with storage copies every writable disk that is not known to be on shared"
        " storage; Suspended copies no disk.",
        virsh=("--copy-storage-all", "--migrate-disks", "{}"),
        kinds=frozenset({Kind.LIVE_STORAGE, Kind.SUSPENDED}),
        place=Place.WITH_KIND,
        description="true, or the targets of the disks to copy",
    ),
    Option(
        name="allow_overcommit",
        type=Type.BOOLEAN,
        default=False,
        label="Allow overcommit",
        consequence="Only what the disks use now must fit into the pool, not their full size. When the pool fills up,"
        " the VM is paused.",
        virsh=(),
        kinds=frozenset({Kind.LIVE_STORAGE, Kind.SUSPENDED}),
        place=Place.WITH_KIND,
    ),
    _flag(
        "keep_paused",
        Flag.PAUSED,
        "--suspend",
        label="Leave it paused on the destination",
        consequence="The VM does not continue until somebody resumes it.",
        kinds=frozenset({Kind.SUSPENDED}),
        rank=8,
    ),
    Option(
        name="bandwidth_mib",
        type=Type.INTEGER,
        unit="MiB/s",
        minimum=1,
        maximum=1_000_000,
        label="Bandwidth limit, MiB/s",
        consequence="Leaves room for other traffic. The migration takes longer, and a busy VM may never converge.",
        bounds="The bandwidth limit must be a whole number from {minimum:,} to {maximum:,} MiB/s.",
        virsh=("--bandwidth", "{}"),
        libvirt=Parameter.BANDWIDTH,
        rank=2,
    ),
    Option(
        name="max_downtime_ms",
        type=Type.INTEGER,
        unit="ms",
        minimum=1,
        maximum=2_000_000,
        label="Allowed downtime, ms",
        consequence="How long the VM may be paused at the switchover. A longer downtime helps a busy VM converge.",
        bounds="The allowed downtime must be a whole number from {minimum:,} to {maximum:,} ms.",
        virsh=("migrate-setmaxdowntime", "{}"),
        beside=True,
        kinds=_LIVE,
        rank=1,
    ),
    _flag(
        "unsafe",
        Flag.UNSAFE,
        "--unsafe",
        label="Unsafe: skip libvirt's storage checks",
        consequence="If a disk goes through the host's page cache, the VM's file system can be damaged. Use it only"
        " when there is no other way.",
        place=Place.DANGER,
    ),
    _flag(
        "abort_on_error",
        Flag.ABORT_ON_ERROR,
        "--abort-on-error",
        label="Stop at the first disk error",
        consequence="An I/O error of the VM ends the migration; the VM stays where it is.",
        rank=5,
    ),
    _flag(
        "auto_converge",
        Flag.AUTO_CONVERGE,
        "--auto-converge",
        label="Auto-converge",
        consequence="If the VM changes memory too fast, QEMU slows it down in steps until it converges.",
        kinds=_LIVE,
        rank=3,
    ),
    _flag(
        "compressed",
        Flag.COMPRESSED,
        "--compressed",
        label="Compress changed memory",
        consequence="Changed memory is sent as differences: less traffic, more CPU on both hosts.",
        kinds=_LIVE,
        rank=4,
    ),
)
OPTION: Mapping[str, Option] = MappingProxyType({option.name: option for option in OPTIONS})


def on_page(place: Place) -> tuple[Option, ...]:
    return tuple(sorted((option for option in OPTIONS if option.place is place), key=lambda option: option.rank))


class Options(Mapping[str, Value]):
    """A value for every option: what was asked for, and the default of the rest. Also read as attributes."""

    __slots__ = ("_values",)

    def __init__(self, **given: Value) -> None:
        """Raises TypeError for a name that is no option."""
        strange = given.keys() - OPTION.keys()
        if strange:
            raise TypeError(", ".join(sorted(strange)))
        self._values = {option.name: given.get(option.name, option.default) for option in OPTIONS}

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        return f"Options({', '.join(f'{name}={value!r}' for name, value in self.unusual().items())})"

    def unusual(self) -> dict[str, Value]:
        """Those that are not as they come."""
        return {name: value for name, value in self._values.items() if value != OPTION[name].default}

    def changed(self, **values: Value) -> Options:
        return Options(**{**self._values, **values})

    def for_guest(self, *, persistent: bool) -> Options:
        """What they come to: a transient guest stays transient, and has no definition to take away."""
        persist = bool(self["persist"]) and persistent
        return self.changed(persist=persist, undefine_source=bool(self["undefine_source"]) and persist)

    def flags(self) -> frozenset[Flag]:
        return frozenset(o.libvirt for o in OPTIONS if isinstance(o.libvirt, Flag) and self[o.name])

    def parameters(self) -> dict[Parameter, int]:
        wanted = ((o.libvirt, self[o.name]) for o in OPTIONS if isinstance(o.libvirt, Parameter))
        return {name: value for name, value in wanted if isinstance(value, int)}

    def as_json(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self._values.items()}


def options_from_json(values: Mapping[str, Any]) -> Options:
    return Options(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
