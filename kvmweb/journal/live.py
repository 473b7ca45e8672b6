"""From the journal to open pages: how a topic is rendered, and under which name its pages listen."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

from kvmweb.journal.models import Entry

Renderer = Callable[[str, Sequence[Entry]], str | None]

#: by the word before the colon of a topic; a topic without one makes its pages read themselves again
RENDERERS: dict[str, Renderer] = {}


def renders(prefix: str) -> Callable[[Renderer], Renderer]:
    """Register `function(topic, entries) -> HTML or None`; run once per tick, not per viewer, so nothing per person."""

    def register(renderer: Renderer) -> Renderer:
        RENDERERS[prefix] = renderer
        return renderer

    return register


def group_name(topic: str) -> str:
    """A name Channels accepts (letters, digits, dot, hyphen; at most 99)."""
    plain = re.sub(r"[^A-Za-z0-9-]", ".", topic)
    return f"live.{plain[:60]}.{hashlib.sha256(topic.encode()).hexdigest()[:12]}"
