"""How long the guest may be paused at the switchover."""

from __future__ import annotations

from hosts.calls.steer import Limit, LimitDowntime
from migrations_app.domain.kinds import KIND
from migrations_app.domain.option_table import OPTION
from migrations_app.domain.order import Order, Seen, Situation
from migrations_app.domain.setting import ended, only_within_a_host, set_until_read_back, while_copying


def _wanted(seen: Seen) -> Limit:
    return LimitDowntime(seen.value)


def _reports(value: int) -> str:
    return f"libvirt reports this allowed downtime: {ORDER.shown(value)}."


def never(situation: Situation) -> str:
    if KIND[situation.request.kind].pauses:
        return f"{situation.name} is paused while its memory is copied, so there is no switchover to wait for."
    if KIND[situation.request.kind].starts_paused:
        return f"{situation.name} does not run, so it has no downtime."
    return only_within_a_host(situation)


def _consequence(situation: Situation) -> str:
    return "libvirt pauses the VM and switches over as soon as it expects no longer pause than this."


ORDER = Order(
    what="max_downtime_ms",
    asked="asked for this allowed downtime: {value}.",
    label="Allowed downtime",
    consequence=_consequence,
    option=OPTION["max_downtime_ms"],
    never=never,
    why_not=while_copying,
    next=set_until_read_back(_wanted, _reports),
    ended=ended,
)
