"""The only code that changes the state of an approval: a conditional update that hits one row, and its journal entry,
commit together."""

from __future__ import annotations

from approvals.ledger.states import end, note

__all__ = ["end", "note"]
