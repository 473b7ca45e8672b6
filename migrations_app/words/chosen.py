"""The options of a migration that somebody chose: those that differ from what they are by default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migrations_app.domain.option import Option
from migrations_app.domain.options import OPTIONS


def chosen(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, value) in the order of the catalogue. `options` as they are stored."""
    found = _chosen(options)
    return [(row.label.removesuffix(f", {row.unit}"), _said(value, row.unit)) for row, value in found]


def chosen_values(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same as the API calls them."""
    return {row.name: value for row, value in _chosen(options)}


def _chosen(options: Mapping[str, Any]) -> Iterator[tuple[Option, Any]]:
    for row in OPTIONS:
        value = options.get(row.name, row.default)
        if value not in (row.default, None, (), [], {}):
            yield row, value


def _said(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_said(each, '')}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value} {unit}".rstrip()
