"""CPU and memory of running guests, out of libvirt's statistics."""

from __future__ import annotations

import pytest

from hosts.facts.usage import GuestUsage, cpus_used, read

NOW = 1_800_000_000.0
TOLD = {
    "cpu.time": 5_000_000_000,
    "balloon.rss": 300_000,
    "balloon.available": 1_000_000,
    "balloon.unused": 200_000,
    "balloon.usable": 600_000,
    "balloon.last-update": int(NOW) - 4,
}


def test_memory_in_use_is_what_the_guest_tells_without_its_caches() -> None:
    assert read("u", TOLD, now=NOW) == GuestUsage(
        uuid="u", cpu_ns=5_000_000_000, memory_used_kib=400_000, memory_by_guest=True
    )


def test_an_older_guest_tells_only_what_is_unused() -> None:
    told = {key: value for key, value in TOLD.items() if key != "balloon.usable"}
    assert read("u", told, now=NOW).memory_used_kib == 800_000


@pytest.mark.parametrize(
    "changed",
    [{"balloon.last-update": 0}, {"balloon.last-update": int(NOW) - 90}, {"balloon.usable": 2_000_000}],
)
def test_numbers_of_the_guest_that_are_old_or_wrong_give_way_to_what_the_host_counts(changed: dict[str, int]) -> None:
    seen = read("u", TOLD | changed, now=NOW)
    assert (seen.memory_used_kib, seen.memory_by_guest) == (300_000, False)


def test_what_libvirt_does_not_tell_is_unknown() -> None:
    assert read("u", {}, now=NOW) == GuestUsage(uuid="u")


def test_two_counts_of_cpu_time_make_a_number_of_cpus() -> None:
    assert cpus_used(1_000_000_000, 7_000_000_000, 3.0) == 2.0


@pytest.mark.parametrize(("before", "now", "seconds"), [(None, 1, 3.0), (1, None, 3.0), (2, 1, 3.0), (1, 2, 0.0)])
def test_a_guest_that_was_started_again_has_no_number_yet(before: int | None, now: int | None, seconds: float) -> None:
    assert cpus_used(before, now, seconds) is None
