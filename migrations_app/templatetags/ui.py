"""What every template needs: icons, states, times, units, and the socket of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from hosts.usecases import pages
from hosts.words import contact as contact_words
from kvmweb import alarm
from kvmweb.journal.live import fragment_id
from migrations_app import units
from migrations_app.domain.lifecycle import BADGES, IN_FLIGHT, Badge, State
from migrations_app.reading import movability
from migrations_app.reading.migrations import active_migrations
from migrations_app.words.badges import CONTACT_BADGES, NOWHERE, SEVERITY_BADGES, run_badge
from migrations_app.words.headline import headline, short_title
from migrations_app.words.movable import movable_words
from migrations_app.words.outcome import outcome_times
from migrations_app.words.stored import with_name, with_visible_names
from migrations_app.words.way import where

if TYPE_CHECKING:
    from datetime import datetime

    from hosts.models import Host, Sighting
    from kvmweb.journal.live import Shown
    from kvmweb.journal.models import Entry
    from migrations_app.models import Migration

register = template.Library()
for sentence_of in (headline, outcome_times, short_title, where, with_visible_names):
    register.filter(sentence_of)

_TONES = {"green": "ok", "amber": "warn", "red": "bad", "grey": "unk", "blue": "run"}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A symbol of the sprite; without a label it is decoration."""
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"></use></svg>',
            label,
            static("icons.svg"),
            name,
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name)


def _mark(badge: Badge, extra: str = "") -> SafeString:
    tone = _TONES[badge.colour]
    return format_html('<span class="state state-{}{}">{}{}</span>', tone, extra, icon(badge.icon), badge.label)


@register.simple_tag
def fragment(shown: Shown, part: str) -> SafeString:
    """The attributes of an element that is pushed: its id, whose it is, and how new."""
    return format_html(
        'id="{}" data-topic="{}" data-revision="{}"', fragment_id(shown.topic, part), shown.topic, shown.revision
    )


@register.simple_tag
def part_id(shown: Shown, part: str) -> str:
    """The id of an element inside a fragment."""
    return fragment_id(shown.topic, part)


@register.simple_tag
def run_state(sighting: Sighting | None) -> SafeString:
    return _mark(run_badge(sighting))


@register.simple_tag
def contact_state(host: Host) -> SafeString:
    return _mark(CONTACT_BADGES[host.contact])


@register.filter
def closed(host: Host) -> str:
    """Why the host cannot be asked, to go on after its name."""
    return contact_words.closed(host)


@register.simple_tag
def migration_state(migration: Migration, pill: bool = False) -> SafeString:
    return _mark(migration.badge, " pill" if pill else "")


@register.simple_tag
def severity_icon(value: str) -> SafeString:
    badge = SEVERITY_BADGES.get(value, NOWHERE)
    return format_html('<span class="state state-{}">{}</span>', _TONES[badge.colour], icon(badge.icon, badge.label))


@register.simple_tag
def ago(when: datetime | None, prefix: str = "") -> SafeString:
    """ "2 seconds ago", kept right by the browser, with the exact time and zone on hover; UTC without JavaScript."""
    if when is None:
        return mark_safe("never")
    return format_html(
        '<relative-time datetime="{}" prefix="{}" threshold="P7D" precision="second" format-style="narrow">'
        "{} UTC</relative-time>",
        when.isoformat(timespec="seconds"),
        prefix,
        when.strftime("%Y-%m-%d %H:%M:%S"),
    )


@register.simple_tag
def clock(when: datetime | None) -> SafeString:
    """The time of day, for lines of a log; the browser shows its own zone."""
    if when is None:
        return mark_safe(units.NONE)
    return format_html(
        '<local-time class="clock" datetime="{}">{}</local-time>',
        when.isoformat(timespec="milliseconds"),
        when.strftime("%H:%M:%S"),
    )


def _number(value: Any) -> float | None:
    """A template gives "" for a key that is not there."""
    return value if isinstance(value, int | float) else None


@register.filter
def kib(value: Any) -> str:
    number = _number(value)
    return units.size(None if number is None else number * 1024)


@register.filter
def size(value: Any) -> str:
    return units.size(_number(value))


@register.filter
def rate(value: Any) -> str:
    return units.rate(_number(value))


@register.filter
def duration(value: Any) -> str:
    return units.duration(_number(value))


@register.filter
def took(migration: Migration) -> str:
    """How long it took from the request to its end."""
    return units.duration(migration.whole_ms)


@register.simple_tag
def span(low: Any, high: Any) -> str:
    return units.span(_number(low), _number(high))


@register.filter
def starts_sentence(text: str) -> str:
    """What continues a sentence, as one of its own."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""


@register.filter
def in_flight(migration: Migration) -> bool:
    return migration.state in IN_FLIGHT


@register.simple_tag(takes_context=True)
def moves_now(context: dict[str, Any]) -> list[Migration]:
    """The active migrations, read once per page; the needy ones last."""
    request = context["request"]
    if not hasattr(request, "kvmweb_moves"):
        request.kvmweb_moves = active_migrations(request.user)
    moves: list[Migration] = request.kvmweb_moves
    return moves


@register.simple_tag(takes_context=True)
def alarms(context: dict[str, Any]) -> dict[str, Any]:
    """What needs a human: {"storage", "hosts", "migrations", "count"}."""
    storage = alarm.text()
    hosts = pages.unwell(context["request"].user)
    migrations = [m for m in moves_now(context) if m.state == State.NEEDS_ATTENTION]
    count = len(hosts) + len(migrations) + bool(storage)
    return {"storage": storage, "hosts": hosts, "migrations": migrations, "count": count}


@register.simple_tag(takes_context=True)
def move_of(context: dict[str, Any], guest: Any) -> Migration | None:
    """What a guest is doing now."""
    return next((m for m in moves_now(context) if m.guest_id == guest), None)


@register.simple_tag(takes_context=True)
def movable(context: dict[str, Any], guest: Any) -> dict[str, str]:
    """Where a guest of a list could go: {"text", "reasons", "hint"}. The hosts are read once per page."""
    request = context["request"]
    if not hasattr(request, "kvmweb_inventory"):
        request.kvmweb_inventory = movability.inventory(request.user)
    text, reasons, hint = movable_words(request.kvmweb_inventory.outlook(guest))
    return {"text": text, "reasons": reasons, "hint": hint}


@register.simple_tag(takes_context=True)
def socket_url(context: dict[str, Any], topics: str) -> str:
    """Where the page's socket connects; `after` is where the journal ended before this page read anything."""
    after = getattr(context["request"], "journal_end", 0)
    return "/ws/live/?" + urlencode([*(("topic", topic) for topic in topics.split()), ("after", after)])


@register.filter
def sentence(entry: Entry, name: str = "") -> str:
    """A journal entry for people: a change of state without words of its own says the state. `name`: of the VM."""
    if entry.text:
        return with_name(entry.text, name) if name else entry.text
    state = entry.body.get("state", "")
    return f"{BADGES[State(state)].label}." if state in BADGES else entry.get_kind_display()


@register.simple_tag
def place_state(place: Any) -> SafeString:
    """A pool, network or bridge: active, inactive, gone from its host, or what it was when its host last answered."""
    if place.gone_since is not None:
        return _mark(Badge("Gone", "grey", "circle-x"))
    if not place.host.answers:
        return _mark(Badge("Was active" if place.active else "Was inactive", "grey", "clock"))
    return _mark(
        Badge("Active", "green", "circle-check") if place.active else Badge("Inactive", "amber", "circle-dashed")
    )


@register.simple_tag
def read_at(*places: Any) -> datetime | None:
    """When the host last told of any of these pools, networks, bridges."""
    return max((place.seen_at for group in places for place in group), default=None)
