"""How fast memory may be copied."""

from __future__ import annotations

from hosts.calls.steer import Limit, LimitBandwidth
from migrations_app.domain.option_table import OPTION
from migrations_app.domain.order import Order, Seen, Situation
from migrations_app.domain.setting import ended, only_within_a_host, set_until_read_back, while_copying


def _wanted(seen: Seen) -> Limit:
    return LimitBandwidth(seen.value)


def _reports(value: int) -> str:
    return f"libvirt reports this bandwidth limit: {ORDER.shown(value)}."


def _never(situation: Situation) -> str:
    several = situation.request.options.parallel_connections
    if several:
        return "QEMU does not keep to a bandwidth limit over several connections."
    return only_within_a_host(situation)


def _consequence(situation: Situation) -> str:
    if situation.streams:
        return "For the disks, which kvmweb copies itself. 0 is no limit."
    return "For memory; disks keep the rate that they began with. 0 is no limit."


ORDER = Order(
    what="bandwidth_mib",
    asked="asked for this bandwidth limit: {value}.",
    label="Bandwidth limit",
    consequence=_consequence,
    option=OPTION["bandwidth_mib"],
    no_limit=True,
    never=_never,
    why_not=while_copying,
    next=set_until_read_back(_wanted, _reports),
    ended=ended,
)
