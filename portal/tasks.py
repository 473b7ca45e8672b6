"""What the queue runs. A second delivery does nothing."""

from __future__ import annotations

from portal.worker import advance as advancing


def advance(pk: int) -> None:
    advancing.advance(pk)
