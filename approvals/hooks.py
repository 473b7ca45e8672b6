"""What apps above this one register in their `ready`: what follows from a decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from approvals.models import Approval

#: told when an approval is approved, denied or has expired, in the transaction that decides it; only use the database
DECIDED: list[Callable[[Approval], None]] = []
