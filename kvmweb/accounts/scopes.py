"""What a role may be given for: kinds of scopes, such as teams. Apps register theirs in `ready`: accounts know no
hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kvmweb.accounts.roles import EVERYWHERE
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from kvmweb.accounts.models import Grant


class UnknownScope(Exception):
    """There is no such scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeKind:
    """`called`: "group of hosts". `names`: those that there are, by number."""

    called: str
    names: Callable[[], dict[int, str]]


#: by the word before the colon, which also is what people read: "operator of the group north"
KINDS: dict[str, ScopeKind] = {}


def settled(text: str) -> str:
    """The scope of "group:5", or of "group:north" by its name. What no kind understands stays as it is: `roles.fits`
    refuses it. Raises UnknownScope."""
    word, _, given = text.partition(":")
    kind = KINDS.get(word)
    if kind is None:
        return text
    names = kind.names()
    number = int(given) if given.isascii() and given.isdecimal() and len(given) <= 18 else None
    found = [pk for pk, name in names.items() if pk == number or (number is None and name == given)]
    if not found:
        raise UnknownScope(f"There is no {kind.called} {isolated(given)}.")
    return f"{word}:{found[0]}"


def choices(word: str) -> list[tuple[str, str]]:
    """(scope, name) of all of this kind, by name."""
    return sorted(((f"{word}:{pk}", name) for pk, name in KINDS[word].names().items()), key=lambda one: one[1])


def said(grants: Iterable[Grant]) -> list[str]:
    """Each grant in words. A query for each kind of scope among them, however many there are."""
    found = list(grants)
    words = {grant.scope.partition(":")[0] for grant in found if grant.scope != EVERYWHERE}
    names = {word: KINDS[word].names() for word in words if word in KINDS}
    return [_said(grant, names) for grant in found]


def _said(grant: Grant, names: dict[str, dict[int, str]]) -> str:
    if grant.scope == EVERYWHERE:
        return grant.role
    word, _, number = grant.scope.partition(":")
    name = names.get(word, {}).get(int(number)) if number.isdecimal() else None
    return f"{grant.role} of the {word} {isolated(name)}" if name is not None else str(grant)
