"""The chosen options of a migration, and the table of all of them (its rows are in option_table.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hosts.calls.move import Flag, Parameter
from hosts.calls.move import Value as Told
from migrations_app.domain.option import Option, Place, Type, Value
from migrations_app.domain.option_encoding import XBZRLE
from migrations_app.domain.option_table import OPTION, OPTIONS
from migrations_app.domain.placement import Placements, placements

__all__ = ["OPTION", "OPTIONS", "Option", "Options", "Place", "Type", "Value", "on_page", "options_from_json"]


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
        # libvirt takes the size of the cache only with the method's name
        base = self.plain() if self["xbzrle_cache_mib"] else self
        return base.changed(persist=persist, undefine_source=bool(self["undefine_source"]) and persist)

    def plain(self) -> Options:
        """The same without the older name of one: `compressed` is the compression xbzrle."""
        return self.changed(compressed=False, compression=XBZRLE) if self["compressed"] else self

    def for_disks(self, copied: tuple[str, ...]) -> Options:
        """What is said of copied disks means nothing when none is; libvirt refuses it then."""
        return self if copied else self.changed(sync_writes=False, detect_zeroes=False, disk_bandwidth_mib=None)

    @property
    def memory_speed(self) -> int | None:
        """MiB/s that memory gets when it starts, because libvirt began with the limit of the disks; None when its limit
        stays what it is."""
        limit: int | None = self.bandwidth_mib
        return (limit or 0) if self["disk_bandwidth_mib"] else None

    def flags(self) -> frozenset[Flag]:
        return frozenset(flag for o in OPTIONS if self[o.name] for flag in o.libvirt if isinstance(flag, Flag))

    def parameters(self, copied: tuple[str, ...] = ()) -> dict[Parameter, Told]:
        """`copied` are the disks that are copied: what is true for the copies names them."""
        found = {name: told for o in OPTIONS for name in self._names(o) if (told := self._told(o, copied))}
        if self["post_copy"] and Parameter.BANDWIDTH in found:  # libvirt has another limit for what follows the VM
            found[Parameter.BANDWIDTH_POSTCOPY] = found[Parameter.BANDWIDTH]
        return found

    def _names(self, option: Option) -> Iterator[Parameter]:
        yield from (name for name in option.libvirt if isinstance(name, Parameter))
        chosen = (self[needs.option] for needs in option.needs)
        yield from (
            option.libvirt_by[value] for value in chosen if isinstance(value, str) and value in option.libvirt_by
        )

    def _told(self, option: Option, copied: tuple[str, ...]) -> Told | None:
        value = self[option.name]
        if isinstance(value, Placements):
            return None
        if value is None or isinstance(value, bool):
            return copied if value else None
        if isinstance(value, int):
            return value * option.scale
        return (value,) if option.type is Type.CHOICE and isinstance(value, str) else value

    def as_json(self) -> dict[str, Any]:
        return {name: _as_json(value) for name, value in self._values.items()}


def options_from_json(values: Mapping[str, Any]) -> Options:
    return Options(**{name: _from_json(value) for name, value in values.items()})


def _as_json(value: Value) -> Any:
    if isinstance(value, Placements):
        return value.as_json()
    return list(value) if isinstance(value, tuple) else value


def _from_json(value: Any) -> Value:
    if isinstance(value, dict):
        return placements(value) if value else Placements()
    return tuple(value) if isinstance(value, list) else value
