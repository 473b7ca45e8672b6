"""The API's responses about requests and quotas. Times are UTC; units are in the names."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema

from kvmweb.web.problems import Problem
from migrations_app.api.texts import one_of
from portal.domain.quota import DIMENSIONS
from portal.domain.states import RequestState, Wish

StateText = Annotated[str, one_of(RequestState)]
WishText = Annotated[str, one_of(Wish)]
DimensionText = Annotated[str, one_of(DIMENSIONS)]


class ForecastOut(Schema):
    """What earlier migrations let expect; null where they tell nothing."""

    low_ms: float | None
    high_ms: float | None
    downtime_low_ms: int | None
    downtime_high_ms: int | None


class PlanOut(Schema):
    """`source` and `target` are names of hosts. `findings`: [check, severity] of the last preflight check."""

    source: str
    target: str
    kind: str
    options: dict[str, Any]
    findings: list[tuple[str, str]]


class ChoiceOut(Schema):
    """`why`: a sentence about this host. The highest `score` was chosen."""

    host: str
    fits: bool
    why: str
    score: float


class RequestOut(Schema):
    """`text` says where it stands. `approval`: the one that is open, or else the newest; null when nobody has to
    approve. `plan` and `choice` are null for people of teams, who see no hosts."""

    id: int
    guest: UUID
    guest_name: str
    team: int | None
    wish: WishText
    value: str
    not_before: datetime | None
    not_after: datetime | None
    reason: str
    by: str
    created_at: datetime
    state: StateText
    state_since: datetime
    text: str
    forecast: ForecastOut | None
    approval: int | None
    migration: int | None
    plan: PlanOut | None
    choice: list[ChoiceOut] | None


class OpenOut(Schema):
    id: int
    state: StateText


class Open(Problem):
    """`open`: the request that the VM has already."""

    open: OpenOut


class Ended(Problem):
    """`state`: how the request has ended."""

    state: StateText


class ExceededOut(Schema):
    """`used` without this request, `asked` by it: together more than `limit`."""

    dimension: DimensionText
    used: float
    asked: float
    limit: int


class Refused(Problem):
    """`exceeded`: what would be more than the team's quota. `first`: the request that has used this idempotency key."""

    exceeded: list[ExceededOut] = []  # noqa: RUF012  pydantic copies it
    first: int | None = None


class QuotaOut(Schema):
    """null: no limit. A day is the last 24 hours."""

    moves_per_day: int | None
    gib_per_day: int | None
    at_once: int | None
