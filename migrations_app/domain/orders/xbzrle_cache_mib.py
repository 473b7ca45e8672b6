"""How much sent memory QEMU keeps to compare changed memory with."""

from __future__ import annotations

from hosts.calls.steer import Limit, LimitCache
from migrations_app.domain.option_encoding import XBZRLE
from migrations_app.domain.option_table import OPTION
from migrations_app.domain.order import Order, Seen, Situation
from migrations_app.domain.setting import ended, set_until_read_back, while_copying


def _wanted(seen: Seen) -> Limit:
    return LimitCache(seen.value)


def _reports(value: int) -> str:
    return f"libvirt reports this cache for differences: {ORDER.shown(value)}."


def _never(situation: Situation) -> str:
    if situation.request.options.plain().compression != XBZRLE:
        return "This migration was not started with the compression XBZRLE, which alone has a cache."
    return ""


def _consequence(situation: Situation) -> str:
    return "A larger cache finds more differences. It takes this much memory on both hosts. A power of two."


ORDER = Order(
    what="xbzrle_cache_mib",
    asked="asked for this cache for differences: {value}.",
    label="Cache for differences",
    consequence=_consequence,
    option=OPTION["xbzrle_cache_mib"],
    never=_never,
    why_not=while_copying,
    next=set_until_read_back(_wanted, _reports),
    ended=ended,
)
