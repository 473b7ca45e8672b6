"""The shape of an option of a migration: a row of the table in options.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hosts.calls.move import Flag, Parameter
from migrations_app.domain.kinds import LIVE_KINDS, OFF_KINDS, Kind
from migrations_app.domain.placement import Placements

Value = bool | int | str | tuple[str, ...] | Placements | None


class Type(StrEnum):
    BOOLEAN = "boolean"
    #: false, true (all that are not on storage of both hosts), or targets such as vda
    DISKS = "disks"
    #: by target, a new pool, name and format
    PLACEMENTS = "placements"
    INTEGER = "integer"
    #: one of the row's `choices`
    CHOICE = "choice"
    #: an IP address or a host name
    ADDRESS = "address"
    #: of a VM
    NAME = "name"


class Place(StrEnum):
    """Where the migrate page has it."""

    WITH_KIND = "with the kind"
    OPTIONS = "options"
    DANGER = "danger"  # shown only to those who may choose it, with a confirmation
    NOWHERE = "nowhere"  # another option says the same there


class Group(StrEnum):
    """The heading above it on the migrate page."""

    CONVERGENCE = "Downtime and convergence"
    NETWORK = "Network"
    ENCRYPTION = "Encryption"
    COMPRESSION = "Compression"
    DISKS = "Disks"
    PARTS = "Devices and CDs"
    DEFINITION = "Definition and errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value of an option of the type CHOICE."""

    value: str
    label: str
    since_libvirt: int = 0
    since_qemu: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The option needs another one: `option` set, to one of `values` if there are any. Only for the values `when` of
    its own, if there are any. `why` is the sentence of the refusal."""

    option: str
    why: str
    values: tuple[str, ...] = ()
    when: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """`virsh` are the words of `virsh migrate`, "{}" for the value, "{copied}" for the copied disks and a name in
    braces for another option's value, or a command of its own beside the running migration; none for what kvmweb alone
    knows. `libvirt` is how the call is told; nothing for what is not said in the call. `since_libvirt` and `since_qemu`
    are libvirt's numbers (9_000_000 is 9.0), 0 for every version. `conflicts` are names of options that cannot be
    combined with it, and `clash` is the sentence of the refusal; one row of a pair has it."""

    name: str
    type: Type
    label: str
    consequence: str
    virsh: tuple[str, ...]
    libvirt: tuple[Flag | Parameter, ...] = ()
    #: the parameter that it is, by the value of the option that it `needs`
    libvirt_by: Mapping[str, Parameter] = field(default_factory=dict)
    default: Value = None
    unit: str = ""
    minimum: int | None = None
    maximum: int | None = None
    kinds: frozenset[Kind] = LIVE_KINDS
    since_libvirt: int = 0
    since_qemu: int = 0
    conflicts: tuple[str, ...] = ()
    clash: str = ""
    needs: tuple[Needs, ...] = ()
    choices: tuple[Choice, ...] = ()
    place: Place = Place.OPTIONS
    group: Group = Group.DEFINITION
    #: the smaller, the further up on the page
    rank: int = 0
    #: for the API's document, where a name does not say enough
    description: str = ""
    #: what is said of a number out of its bounds, a sentence with "{minimum}" and "{maximum}"
    bounds: str = ""
    power_of_two: bool = False
    #: how many of libvirt's and virsh's units one of its own is
    scale: int = 1
    #: a command of its own, beside the running migration
    beside: bool = False

    @property
    def not_for(self) -> list[Kind]:
        """The kinds that do not have it: the page hides it there."""
        return [kind for kind in Kind if kind not in self.kinds]

    @property
    def off_only(self) -> bool:
        return self.kinds <= OFF_KINDS

    @property
    def out_of_bounds(self) -> str:
        return self.bounds.format(minimum=self.minimum, maximum=self.maximum)

    def allows(self, number: int) -> bool:
        if self.minimum is None or self.maximum is None:
            return True
        return self.minimum <= number <= self.maximum and not (self.power_of_two and number & (number - 1))

    def since(self, value: Value) -> tuple[int, int]:
        """The oldest libvirt and QEMU that it works with when it has this value."""
        chosen = next((choice for choice in self.choices if choice.value == value), None)
        if chosen is None:
            return self.since_libvirt, self.since_qemu
        return max(self.since_libvirt, chosen.since_libvirt), max(self.since_qemu, chosen.since_qemu)


def flag(name: str, said: Flag, virsh: str, **more: Any) -> Option:
    """A row of the type BOOLEAN that libvirt is told by a flag."""
    row: dict[str, Any] = {"default": False, **more}
    return Option(name=name, type=Type.BOOLEAN, libvirt=(said,), virsh=(virsh,), **row)
