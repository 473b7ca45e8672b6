"""Background tasks of this app; the queue only names a row, the use case does the work."""

from __future__ import annotations

from hosts.usecases.introduce import introduce as _introduce


def introduce(pk: int) -> None:
    _introduce(pk)
