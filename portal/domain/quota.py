"""How much of a team's quota a request would use. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: dimension -> what it counts, after "5 of 5 "
DIMENSIONS = {
    "moves_per_day": "migrations in 24 hours",
    "gib_per_day": "GiB in 24 hours",
    "at_once": "requests at the same time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """`used` without this request, `asked` by it; together they are more than `limit`."""

    dimension: str
    used: float
    asked: float
    limit: int

    def as_json(self) -> dict[str, str | float]:
        return {"dimension": self.dimension, "used": self.used, "asked": self.asked, "limit": self.limit}

    @property
    def words(self) -> str:
        return f"{self.used:g} of {self.limit} {DIMENSIONS[self.dimension]}, and this one asks for {self.asked:g}"


def judge(limits: Mapping[str, int | None], used: Mapping[str, float], asked: Mapping[str, float]) -> list[Exceeded]:
    """What would be exceeded; a limit of None is none. Numbers are rounded to a tenth, as they are shown."""
    found = []
    for dimension in DIMENSIONS:
        limit = limits[dimension]
        has, wants = round(used[dimension], 1), round(asked[dimension], 1)
        if limit is not None and round(has + wants, 1) > limit:
            found.append(Exceeded(dimension=dimension, used=has, asked=wants, limit=limit))
    return found


def quota_words(exceeded: Sequence[Exceeded]) -> str:
    """For the team."""
    return f"This is more than the team's quota: {'; '.join(one.words for one in exceeded)}."
