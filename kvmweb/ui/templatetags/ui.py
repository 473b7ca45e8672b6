"""What the templates of every app need: icons, badges, times, units, live fragments, the socket of the page."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from kvmweb import alarm
from kvmweb.accounts.permissions import Right, may
from kvmweb.journal.live import fragment_id
from kvmweb.ui import html, units
from kvmweb.ui.inserts import filled
from kvmweb.ui.isolation import as_is

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import Model

    from kvmweb.journal.live import Shown

register = template.Library()
register.simple_tag(html.icon)
register.simple_tag(html.mark)
register.filter(as_is)


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


@register.simple_tag(takes_context=True)
def socket_url(context: dict[str, Any], *topics: str) -> str:
    """Where the page's socket connects; `after` is where the journal ended before this page read anything. `topics` may
    each be several, with spaces between them."""
    after = getattr(context["request"], "journal_end", 0)
    return "/ws/live/?" + urlencode([*(("topic", topic) for topic in " ".join(topics).split()), ("after", after)])


@register.simple_tag(takes_context=True)
def insert(context: dict[str, Any], name: str, *about: Any) -> SafeString:
    """What other apps show in this place, see kvmweb/ui/inserts.py."""
    return filled(name, context["request"], *about)


@register.simple_tag(takes_context=True)
def may_open(context: dict[str, Any], thing: Model | None) -> bool:
    """Whether there is a page of this host, VM or team for the user: hosts of other groups are named on the page of a
    VM that was there. What is pushed is the same for everybody, and has the link."""
    request = context.get("request")
    if not thing or request is None or may(request.user, Right.SEE_EVERYTHING):
        return bool(thing)
    known: dict[Model, bool] = request.__dict__.setdefault("kvmweb_open", {})
    if thing not in known:
        known[thing] = may(request.user, Right.SEE, thing)
    return known[thing]


@register.simple_tag
def storage_alarm() -> str:
    """Why nothing can be stored, "" while all is well."""
    return alarm.text()


@register.simple_tag
def ago(when: datetime | None, prefix: str = "") -> SafeString:
    """ "2 seconds ago", kept right by the browser, with the exact time and zone on hover; UTC without JavaScript."""
    if when is None:
        return mark_safe("never")
    return format_html(
        '<relative-time datetime="{}" no-title prefix="{}" threshold="P7D" precision="second" format-style="narrow">'
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


@register.simple_tag
def moment(when: datetime) -> SafeString:
    """Day and time in the reader's zone, for what is ahead; UTC without JavaScript."""
    return format_html(
        '<relative-time class="nowrap" datetime="{}" format="datetime" no-title weekday="short" day="numeric"'
        ' month="short" hour="2-digit" minute="2-digit">{} UTC</relative-time>',
        when.isoformat(timespec="seconds"),
        when.astimezone(UTC).strftime("%Y-%m-%d %H:%M"),
    )


def _number(value: Any) -> float | None:
    """A template gives "" for a key that is not there."""
    return value if isinstance(value, int | float) else None


@register.filter
def kib(value: Any) -> str:
    number = _number(value)
    return units.size(None if number is None else number * 1024)


@register.filter
def percent(value: Any) -> str:
    return units.percent(_number(value))


@register.filter
def size(value: Any) -> str:
    return units.size(_number(value))


@register.filter
def rate(value: Any) -> str:
    return units.rate(_number(value))


@register.filter
def duration(value: Any) -> str:
    return units.duration(_number(value))


@register.simple_tag
def span(low: Any, high: Any) -> str:
    return units.span(_number(low), _number(high))


@register.filter
def starts_sentence(text: str) -> str:
    """What continues a sentence, as one of its own."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""
