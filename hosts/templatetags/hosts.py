"""What the templates about hosts need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from hosts.words import contact, identity
from hosts.words.badges import CONTACT_BADGES, place_badge, run_badge
from kvmweb.ui.html import mark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.utils.safestring import SafeString

    from hosts.models import Bridge, Host, Network, Sighting, StoragePool

register = template.Library()


@register.simple_tag
def run_state(sighting: Sighting | None) -> SafeString:
    return mark(run_badge(sighting))


@register.simple_tag
def contact_state(host: Host) -> SafeString:
    return mark(CONTACT_BADGES[host.contact])


@register.simple_tag
def place_state(place: StoragePool | Network | Bridge) -> SafeString:
    return mark(place_badge(place))


@register.filter
def closed(host: Host) -> str:
    """Why the host cannot be asked; continues a sentence that begins with its name."""
    return contact.closed(host)


@register.filter
def said(host: Host) -> str:
    """Why the host cannot be used, and what to do."""
    return identity.COMPARE_KEYS if host.offered_fingerprint else host.contact_text or host.get_contact_display()


@register.simple_tag
def read_at(*places: Sequence[StoragePool | Network | Bridge]) -> datetime | None:
    """When any of these pools, networks or bridges was last read."""
    return max((place.seen_at for group in places for place in group), default=None)
