"""Isolates everything that templates print, as Django escapes it, unless a template says `as_is`.

Hosts and people name things as they like. A name from right to left, or with a character that turns the direction of
the line, must not affect the text around it, in any sentence, button or title.
"""

from __future__ import annotations

from typing import Any

from django.template import Template
from django.template.base import Origin, VariableNode
from django.template.loaders import base, cached

from kvmweb.web.plain import isolated


def shown(value: Any) -> Any:
    """A value as people read it. HTML and ASCII text need nothing."""
    if hasattr(value, "__html__") or (text := str(value)).isascii():
        return value
    return isolated(text)


def as_is(value: Any) -> Any:
    """For commands to copy and for values of form fields: every character counts."""
    return value


class _Isolating(base.Loader):
    def get_template(self, template_name: str, skip: list[Origin] | None = None) -> Template:
        template = super().get_template(template_name, skip)
        for variable in template.nodelist.get_nodes_by_type(VariableNode):
            filters = variable.filter_expression.filters  # type: ignore[attr-defined]
            if as_is not in (function for function, _ in filters):
                filters.append((shown, []))
        return template


class Loader(cached.Loader, _Isolating):
    """Each template once, when it is read."""
