"""What the templates about migrations, and about VMs that can be moved, need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from hosts.words.badges import NOWHERE
from kvmweb.ui import units
from kvmweb.ui.html import mark, sign
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app.domain.options import OPTION
from migrations_app.reading import once
from migrations_app.words.badges import SEVERITY_BADGES, STATE_BADGES, badge
from migrations_app.words.ended import ended_line
from migrations_app.words.headline import headline, short_title, streamed_words
from migrations_app.words.movable import movable_words
from migrations_app.words.outcome import outcome_times
from migrations_app.words.places import new_places, short_way
from migrations_app.words.rollback import copy_badge, how_verified
from migrations_app.words.segment import segment_note, segment_text
from migrations_app.words.storage import disk_ways, where_from, where_to
from migrations_app.words.stored import with_name
from migrations_app.words.taken_out import part_badge, part_name
from migrations_app.words.way import where

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from hosts.models import Guest, Sighting
    from kvmweb.journal.models import Entry
    from migrations_app.models import Migration, RollbackCopy
    from migrations_app.models.taken_out import TakenOut

_MEASURED = frozenset({State.COPYING_DISKS, State.COPYING_MEMORY, State.POST_COPY})

register = template.Library()
for shown in (
    badge,
    disk_ways,
    ended_line,
    headline,
    how_verified,
    new_places,
    outcome_times,
    part_name,
    segment_note,
    segment_text,
    short_title,
    short_way,
    streamed_words,
    where,
    where_from,
    where_to,
    with_name,
):
    register.filter(shown)


@register.simple_tag
def migration_state(migration: Migration, pill: bool = False) -> SafeString:
    return mark(badge(migration), " pill" if pill else "")


@register.simple_tag
def copy_state(copy: RollbackCopy, pill: bool = False) -> SafeString:
    return mark(copy_badge(copy), " pill" if pill else "")


@register.simple_tag
def part_state(one: TakenOut) -> SafeString:
    return mark(part_badge(one))


@register.simple_tag
def migration_sign(migration: Migration) -> SafeString:
    return sign(badge(migration))


@register.simple_tag
def severity_icon(value: str) -> SafeString:
    return sign(SEVERITY_BADGES.get(value, NOWHERE))


@register.filter
def option_label(name: str) -> str:
    return OPTION[name].label if name in OPTION else name


@register.filter
def method(kind: str) -> str:
    """Its label inside a sentence."""
    return KIND[Kind(kind)].label.lower()


@register.filter
def took(migration: Migration) -> str:
    """How long it took from the request to its end."""
    return units.duration(migration.whole_ms)


@register.filter
def under_way(migration: Migration) -> bool:
    """libvirt is at it, as far as is known: how much it has copied says something about now."""
    return migration.state in IN_FLIGHT - {State.VERIFYING}


@register.filter
def measured(migration: Migration) -> bool:
    """Its worker measures again and again how much is copied."""
    return migration.state in _MEASURED and migration.progress.get("percent") is not None


@register.filter
def sentence(entry: Entry, name: str) -> str:
    """A journal entry for people: a change of state without words of its own says the state. `name`: of the VM."""
    if entry.text:
        return with_name(entry.text, name)
    state = entry.body.get("state", "")
    return f"{STATE_BADGES[State(state)].label}." if state in STATE_BADGES else entry.get_kind_display()


@register.filter
def addresses_of(here: Sighting | None, mac: str) -> list[str]:
    """What the host's networks have lent to a NIC of the VM, which runs there."""
    if here is None or not here.active:
        return []
    return [one["address"] for one in here.addresses if one["mac"] == mac.lower()]


@register.simple_tag(takes_context=True)
def move_of(context: dict[str, Any], guest: Guest) -> Migration | None:
    return once.move_of(context["request"], guest)


@register.simple_tag(takes_context=True)
def movable(context: dict[str, Any], guest: Guest) -> dict[str, str]:
    """Where a guest of a list could go: {"text", "reasons", "hint"}."""
    text, reasons, hint = movable_words(once.inventory(context["request"]).outlook(guest))
    return {"text": text, "reasons": reasons, "hint": hint}
