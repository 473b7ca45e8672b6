"""libvirt's limits of a migration: read and set in our units, one that it does not tell hides no other."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from hosts.calls.steer import LimitBandwidth, LimitCache, LimitDowntime
from hosts.facts.guest import JobLimits
from hosts.facts.runtime import NO_LIMIT
from hosts.gateway import _limits
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"


class Raw:
    """A connection, and its only guest."""

    def __init__(self, *, speed: int = 8, downtime: int | None = 300, cache: int | None = 64 * 1024**2) -> None:
        self.speed, self.downtime, self.cache = speed, downtime, cache
        self.told: list[Any] = []

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...

    def lookupByUUIDString(self, uuid: str) -> Raw:
        return self

    def migrateGetMaxSpeed(self, flags: int) -> int:
        return self.speed

    def migrateGetMaxDowntime(self, flags: int) -> int | None:
        return self.downtime

    def migrateGetCompressionCache(self, flags: int) -> int:
        if self.cache is None:
            raise libvirt.libvirtError("not supported")
        return self.cache

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("migrateSet"):
            raise AttributeError(name)
        return lambda value, flags: self.told.append((name, value))


def _link(raw: Any) -> Link:
    return Link(lambda: raw, name="kvm-a", deadline=5.0)


def _read(raw: Raw) -> JobLimits:
    link = _link(raw)
    return _limits.limits(link, Guests(link), UUID)


def test_they_are_read_in_our_units() -> None:
    assert _read(Raw()) == JobLimits(bandwidth_mib=8, max_downtime_ms=300, xbzrle_cache_mib=64)


@pytest.mark.parametrize("speed", [0, NO_LIMIT])
def test_no_limit_is_zero(speed: int) -> None:
    assert _read(Raw(speed=speed)).bandwidth_mib == 0


def test_what_libvirt_does_not_say_is_not_known() -> None:
    """Of the downtime the binding returns None where it raises everywhere else."""
    assert _read(Raw(downtime=None, cache=None)) == JobLimits(bandwidth_mib=8)


def test_they_are_set_in_libvirts_units() -> None:
    raw = Raw()
    link = _link(raw)
    for limit in (LimitBandwidth(8), LimitBandwidth(0), LimitDowntime(400), LimitCache(128)):
        _limits.set_limit(link, Guests(link), UUID, limit)
    assert raw.told == [
        ("migrateSetMaxSpeed", 8),
        ("migrateSetMaxSpeed", NO_LIMIT),
        ("migrateSetMaxDowntime", 400),
        ("migrateSetCompressionCache", 128 * 1024**2),
    ]
