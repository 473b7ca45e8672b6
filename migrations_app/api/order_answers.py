"""The API's responses about orders."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema

from migrations_app.api.texts import OrderStateText, OrderText


class OrderOut(Schema):
    """`requested`: what libvirt was asked for; null before that. `read_back`: what libvirt reported afterwards. `text`:
    how the order ended. `by`: who gave it."""

    id: int
    what: OrderText
    value: int | str | None
    state: OrderStateText
    requested: int | None
    read_back: int | None
    text: str
    reason: str
    by: str = Field(alias="asked_by_name")
    created_at: datetime = Field(alias="asked_at")
    taken_at: datetime | None
    done_at: datetime | None


class LimitsOut(Schema):
    """As libvirt reported them at `read_at`; null: not known. `bandwidth_mib`: MiB/s, 0 is no limit."""

    bandwidth_mib: int | None
    max_downtime_ms: int | None
    xbzrle_cache_mib: int | None
    read_at: datetime | None


class ControlOut(Schema):
    """`why`: why this order cannot be given now; "" when it can. `consequence`: what it would do now."""

    what: OrderText
    allowed: bool
    why: str
    consequence: str


class ControlsOut(Schema):
    values: LimitsOut
    offered: list[ControlOut]
