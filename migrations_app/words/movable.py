"""Where a VM could migrate to, based on what was last seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrations_app.reading.movability import Candidate, Outlook

#: hosts named in a hint; nobody reads more
MOST_HINTS = 8


def movable_words(outlook: Outlook) -> tuple[str, str, str]:
    """For one row of a list: (where to or why not, the reasons when there are several, each host for the hint)."""
    others, clear = outlook.others, outlook.clear
    if outlook.held:
        return outlook.held, "", ""
    if not others:
        return "There is no other host.", "", ""
    hint = " ".join(candidate_words(candidate) for candidate in others[:MOST_HINTS])
    if len(others) > MOST_HINTS:
        hint += f" And {len(others) - MOST_HINTS} more."
    if not clear and len(others) == 1:
        return candidate_words(others[0]), "", ""
    many = f"{len(others)} host{'' if len(others) == 1 else 's'}"
    if clear:
        return f"To {len(clear)} of {many}", "", hint
    return f"To none of {many}", " ".join(map(candidate_words, others[:2])) + (" …" if len(others) > 2 else ""), hint


def candidate_words(candidate: Candidate) -> str:
    """A possible destination, based on what was last seen, as a sentence."""
    return f"{candidate.host} {candidate.against or 'has no known obstacle'}."
