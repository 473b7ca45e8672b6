"""A forecast whose path was measured by a probe stream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hosts.facts.memory_use import DirtyRate
from migrations_app.domain.forecast import Known, Probed, Run, forecast
from migrations_app.words.forecast import forecast_words, rests_on

MIB = 1024 * 1024
AT = datetime(2026, 11, 29, 3, 12, tzinfo=UTC)
KNOWN = Known(
    memory_bytes=1024 * MIB,
    resident_bytes=600 * MIB,
    windows=(DirtyRate(seconds=1, bps=MIB),),
    nominal_bps=1250.0 * MIB,
    probed=Probed(bps=100.0 * MIB, at=AT),
)


def earlier(ended_at: datetime | None) -> Run:
    return Run(
        same_guest=False,
        transferred_bytes=400 * MIB,
        seconds=8.0,
        downtime_ms=100,
        stalled=False,
        first_bytes=400 * MIB,
        first_seconds=8.0,
        ended_at=ended_at,
    )


def test_it_takes_the_place_of_the_nominal_rate() -> None:
    seen = forecast([], memory_bytes=1024 * MIB, with_disks=False, known=KNOWN)
    assert seen
    assert (seen.rate_from, seen.rate_at, seen.verdict) == ("probe", "2026-11-29T03:12:00+00:00", "converges")
    assert seen.rate_bps == 95 * MIB
    assert None not in (seen.low_ms, seen.likely_ms, seen.high_ms)
    assert (seen.low_ms or 0) < (seen.likely_ms or 0) < (seen.high_ms or 0)
    assert rests_on(seen).startswith("The path’s rate was measured by a probe stream at 2026-11-29 03:12 UTC;")
    assert "the path carried 100 MiB/s." in dict(forecast_words("web-01", seen))["Converges"]


def test_it_is_enough_without_a_nominal_rate() -> None:
    known = Known(memory_bytes=1024 * MIB, probed=KNOWN.probed)
    seen = forecast([], memory_bytes=1024 * MIB, with_disks=False, known=known)
    assert seen
    assert (seen.rate_from, seen.verdict, seen.likely_ms) == ("probe", "", None)


def test_a_limit_counts_for_it_too() -> None:
    seen = forecast([], memory_bytes=1024 * MIB, with_disks=False, known=KNOWN, limit_bps=10 * MIB)
    assert seen
    assert (seen.rate_bps, seen.bps) == (10 * MIB, 100 * MIB)


def test_a_newer_migration_counts_more_and_an_older_one_less() -> None:
    for ended, rate_from in ((timedelta(hours=1), "transfers"), (timedelta(hours=-1), "probe")):
        seen = forecast([earlier(AT + ended)], memory_bytes=1024 * MIB, with_disks=False, known=KNOWN)
        assert seen
        assert (seen.runs, seen.rate_from) == (1, rate_from)
        assert ("Based on 1 earlier migration between these hosts" in rests_on(seen)) is True
        assert ("probe stream" in rests_on(seen)) is (rate_from == "probe")
