"""The smallest pieces of every page: an icon, a badge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.templatetags.static import static
from django.utils.html import format_html

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from kvmweb.ui.badge import Badge

_TONES = {"green": "ok", "amber": "warn", "red": "bad", "grey": "unk", "blue": "run"}


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


def mark(badge: Badge, extra: str = "") -> SafeString:
    """The badge with its word. `extra`: more classes, each after a space."""
    tone = _TONES[badge.colour]
    return format_html('<span class="state state-{}{}">{}{}</span>', tone, extra, icon(badge.icon), badge.label)


def sign(badge: Badge) -> SafeString:
    """The badge without room for its word."""
    return format_html('<span class="state state-{}">{}</span>', _TONES[badge.colour], icon(badge.icon, badge.label))
