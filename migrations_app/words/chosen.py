"""The options of a migration that somebody chose: those that differ from what they are by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrations_app.domain.options import OPTIONS


def chosen(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, value) in the order of the catalogue. `options` as they are stored."""
    found = []
    for row in OPTIONS:
        value = options.get(row.name, row.default)
        if value not in (row.default, None, (), [], {}):
            found.append((row.label.removesuffix(f", {row.unit}"), _said(value, row.unit)))
    return found


def _said(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_said(each, '')}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value} {unit}".rstrip()
