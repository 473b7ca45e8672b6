"""Migrations beside each other: what is worth comparing, line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hosts.models import Guest, Host
from kvmweb.ui import units
from kvmweb.web.plain import isolated
from migrations_app.domain.forecast import Forecast
from migrations_app.models import Migration
from migrations_app.words.chosen import chosen
from migrations_app.words.forecast import foreseen_downtime, transfer_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`differs`: not the same in all. `number`: cells that are read as numbers."""

    label: str
    cells: list[str]
    number: bool

    @property
    def differs(self) -> bool:
        return len(set(self.cells)) > 1


def title(guest: Guest | None = None, source: Host | None = None, target: Host | None = None) -> str:
    named = (("of", guest), ("from", source), ("to", target))
    return " ".join(["Migrations", *(f"{word} {isolated(str(what))}" for word, what in named if what), "compared"])


def lines(migrations: Sequence[Migration]) -> list[Line]:
    """Those that say something of at least one of them."""
    found = [
        Line(label=label, cells=[say(one) or units.NONE for one in migrations], number=number)
        for label, number, say in _LINES
    ]
    return [line for line in found if set(line.cells) != {units.NONE}]


def _software(end: str, name: str) -> Callable[[Migration], str]:
    return lambda one: one.versions.get(end, {}).get(name, "")


def _options(one: Migration) -> str:
    return "; ".join(f"{label}: {value}" for label, value in chosen(one.options))


def _foreseen(one: Migration) -> str:
    seen = Forecast.from_json(one.forecast)
    return transfer_words(seen).removesuffix(".") if seen and not seen.stops else ""


def _felt(one: Migration) -> str:
    return f"{one.felt['longest_ms']} ms" if one.felt else ""


def _number(name: str) -> Callable[[Migration], str]:
    return lambda one: str(one.progress.get(name) or "")


_LINES: tuple[tuple[str, bool, Callable[[Migration], str]], ...] = (
    ("Method", False, lambda one: one.kind_row.label),
    ("Options", False, _options),
    ("Policy", False, lambda one: one.policy_data.name if one.policy_data else ""),
    ("kvmweb", False, lambda one: one.versions.get("kvmweb", "")),
    ("libvirt of the source", False, _software("source", "libvirt")),
    ("libvirt of the destination", False, _software("target", "libvirt")),
    ("QEMU of the source", False, _software("source", "qemu")),
    ("QEMU of the destination", False, _software("target", "qemu")),
    ("Foreseen transfer", True, _foreseen),
    ("Transfer", True, lambda one: units.duration(one.copying_ms)),
    ("Request to end", True, lambda one: units.duration(one.whole_ms)),
    ("Transferred", True, lambda one: units.size(one.progress.get("transferred_bytes"))),
    ("Average rate", True, lambda one: units.rate(one.progress.get("rate_bps"))),
    ("Highest dirty rate", True, lambda one: units.rate(one.progress.get("dirty_max_bps"))),
    ("Passes", True, _number("iteration")),
    ("Foreseen downtime", True, lambda one: foreseen_downtime(Forecast.from_json(one.forecast))),
    ("Downtime", True, lambda one: units.duration(one.downtime_ms)),
    ("Felt downtime", True, _felt),
    ("Cause", False, lambda one: one.error.get("cause", "")),
)
