"""From the journal to open pages: the renderers of topics, the ids of fragments, and the names of channel groups.

A push consists of fragments; each is one part of what a page shows of one topic. Its id is made of part and topic, here
only, so a fragment never fits into a page that shows something else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from kvmweb.journal.models import Entry

Renderer = Callable[[str, Sequence[Entry]], Mapping[str, str] | None]
Echo = Callable[[Sequence[Entry]], Mapping[str, Sequence[Entry]]]

#: by the word before the colon of a topic; pages of a topic without a renderer reload
RENDERERS: dict[str, Renderer] = {}
#: what new entries mean for topics that have no entries of their own
ECHOES: list[Echo] = []

_TOPIC = re.compile(r"[a-z]+(:[0-9A-Za-z]+(-[0-9A-Za-z]+)*)?")
_PART = re.compile(r"[a-z][0-9a-z_]*")
_ID = re.compile(r'\sid="([^"]*)"')
_ROOT = re.compile(r'\s*<[a-z-]+\s[^>]*?\bid="([^"]*)"')


class Shown(Protocol):
    """An object that pages show. `revision`: the newest entry of its journal when it was read; an older revision never
    replaces a newer one."""

    @property
    def topic(self) -> str: ...

    @property
    def revision(self) -> int: ...


class Unbound(ValueError):
    """A renderer returned a fragment that could end up in the page of another object."""


def renders(prefix: str) -> Callable[[Renderer], Renderer]:
    """Register `function(topic, entries) -> {part: its HTML}, or None`; it runs once per tick, not per viewer, so the
    HTML must not depend on the user."""

    def register(renderer: Renderer) -> Renderer:
        RENDERERS[prefix] = renderer
        return renderer

    return register


def echoes(function: Echo) -> Echo:
    """Register `function(entries) -> {topic: those of the entries that it repeats}`: for viewers who may not follow the
    topics of the entries themselves. It runs whenever there are new entries."""
    ECHOES.append(function)
    return function


def echoed(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for echo in ECHOES:
        for topic, repeated in echo(entries).items():
            found.setdefault(topic, []).extend(repeated)
    return found


def fragment_id(topic: str, part: str) -> str:
    """ "migration:17" and "numbers" give "migration-17-numbers": no two topics or parts have one id."""
    if not _TOPIC.fullmatch(topic) or not _PART.fullmatch(part):
        raise Unbound(f"{part!r} of {topic!r} makes no id")
    return f"{topic.replace(':', '-')}-{part}"


def has_renderer(topic: str) -> bool:
    return topic.partition(":")[0] in RENDERERS


def rendered(topic: str, entries: Sequence[Entry]) -> dict[str, str] | None:
    """{id: HTML} of what `entries` change; of everything when there are none (the snapshot of a new socket). None when
    there is nothing to push. Raises Unbound when a fragment does not match its id."""
    parts = RENDERERS[topic.partition(":")[0]](topic, entries)
    if parts is None:
        return None
    return {fragment_id(topic, part): _bound(topic, part, html) for part, html in parts.items()}


def _bound(topic: str, part: str, html: str) -> str:
    root = _ROOT.match(html)
    if root is None or root[1] != fragment_id(topic, part):
        raise Unbound(f"{part} of {topic} is rendered as {html[:60]!r}")
    for found in _ID.findall(html):
        if found != fragment_id(topic, found.rpartition("-")[2]):
            raise Unbound(f"{part} of {topic} has an element of its own id, {found}")
    return html


def group_name(topic: str) -> str:
    """A name Channels accepts (letters, digits, dot, hyphen; at most 99)."""
    plain = re.sub(r"[^A-Za-z0-9-]", ".", topic)
    return f"live.{plain[:60]}.{hashlib.sha256(topic.encode()).hexdigest()[:12]}"
