"""What the templates about migrations, and about VMs that can be moved, need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from hosts.words.badges import NOWHERE
from kvmweb.ui import units
from kvmweb.ui.html import mark, sign
from migrations_app import words
from migrations_app.domain.lifecycle import IN_FLIGHT, LOOKS, State
from migrations_app.reading import once

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from hosts.models import Guest
    from kvmweb.journal.models import Entry
    from migrations_app.models import Migration

register = template.Library()
register.filter(words.found)
register.filter(words.headline)
register.filter(words.outcome_times)
register.filter(words.short_title)
register.filter(words.where)


@register.simple_tag
def migration_state(migration: Migration, pill: bool = False) -> SafeString:
    return mark(migration.look, " pill" if pill else "")


@register.simple_tag
def severity_icon(value: str) -> SafeString:
    return sign(words.SEVERITY_LOOKS.get(value, NOWHERE))


@register.filter
def took(migration: Migration) -> str:
    """How long it took from the request to its end."""
    return units.duration(migration.whole_ms)


@register.filter
def in_flight(migration: Migration) -> bool:
    return migration.state in IN_FLIGHT


@register.filter
def sentence(entry: Entry, name: str) -> str:
    """A journal entry for people: a change of state without words of its own says the state. `name`: of the VM."""
    if entry.text:
        return words.with_name(entry.text, name)
    state = entry.body.get("state", "")
    return f"{LOOKS[State(state)].label}." if state in LOOKS else entry.get_kind_display()


@register.simple_tag(takes_context=True)
def move_of(context: dict[str, Any], guest: Guest) -> Migration | None:
    return once.move_of(context["request"], guest)


@register.simple_tag(takes_context=True)
def movable(context: dict[str, Any], guest: Guest) -> dict[str, str]:
    """Where a guest of a list could go: {"text", "reasons", "hint"}."""
    text, reasons, hint = words.movable(once.inventory(context["request"]).outlook(guest))
    return {"text": text, "reasons": reasons, "hint": hint}
