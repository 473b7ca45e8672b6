"""Numbers of a migration, fewer of them: as evenly in time as they were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime


def thinned(rows: Sequence[tuple[int, datetime]], most: int) -> list[int]:
    """`rows` of (id, time) in their order; the ids of at most `most` (3 or more): the first, the last, and of each slot
    of time the first. Slots double in length and begin with the first row, so that thinning again, after more rows have
    come, takes no more of the early ones than of the late ones."""
    if len(rows) <= most:
        return [pk for pk, _ in rows]
    began, ended = min(at for _, at in rows), max(at for _, at in rows)
    seconds = (ended - began).total_seconds()
    slot = 2.0 ** math.ceil(math.log2(seconds / (most - 2))) if seconds else 1.0
    kept: dict[int, int] = {}
    for pk, at in rows:
        kept.setdefault(int((at - began).total_seconds() // slot), pk)
    return sorted({*kept.values(), rows[-1][0]})
