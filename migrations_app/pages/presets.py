"""Presets of the migrate page: one click fills in the boxes of the options. One row each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from migrations_app.domain.option import Group, Option
from migrations_app.domain.options import Place, Type, Value, on_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """`values` are those of the options that it sets; the other boxes that it may change get their defaults."""

    name: str
    consequence: str
    values: Mapping[str, Value]

    @property
    def boxes(self) -> str:
        """Every box that it fills in with what it holds then, for presets.js."""
        return json.dumps({o.name: _shown(o, self.values.get(o.name, o.default)) for o in filled_in()})


PRESETS = (
    Preset(
        name="Limited",
        consequence="At most 100 MiB/s, so other traffic has room. It takes longer, and a busy VM may not converge.",
        values={"bandwidth_mib": 100},
    ),
    Preset(
        name="Fast link",
        consequence="4 connections at once, for a link of 10 Gbit/s or more. Each can use a CPU core on both hosts.",
        values={"parallel_connections": 4},
    ),
    Preset(
        name="Busy VM",
        consequence="A busy VM is slowed down until it converges, and may be paused for 2 seconds at the switchover.",
        values={
            "max_downtime_ms": 2000,
            "auto_converge": True,
            "auto_converge_initial": 30,
            "auto_converge_increment": 20,
            "sync_writes": True,
        },
    ),
)


_NOT_FILLED_IN = (Group.ENCRYPTION, Group.PARTS, Group.DEFINITION)


def filled_in() -> tuple[Option, ...]:
    """The options whose boxes a preset may change: addresses, encryption, devices and the definition are nobody's
    habit."""
    options = on_page(Place.OPTIONS)
    return tuple(o for o in options if o.type is not Type.ADDRESS and o.group not in _NOT_FILLED_IN)


def _shown(option: Option, value: Value) -> bool | str:
    if option.type is Type.BOOLEAN:
        return bool(value)
    return "" if value is None else str(value)
