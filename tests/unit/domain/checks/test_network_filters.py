from __future__ import annotations

from hosts.facts.supplies import NetworkFilter
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import only, run, with_guest, with_target

FILTERED = with_guest(leaves=(("devices/interface/filterref/@filter", "clean"),))
CLEAN, SPOOF = NetworkFilter(name="clean", uses=("spoof", "clean")), NetworkFilter(name="spoof")


def test_passes_with_the_filter_and_all_that_it_uses() -> None:
    assert run("network_filters", with_target(FILTERED, network_filters=(CLEAN, SPOOF))) == ()


def test_blocks_without_it_or_one_that_it_uses() -> None:
    assert (
        "filter clean," in only("network_filters", with_target(FILTERED, network_filters=()), Severity.BLOCKER).summary
    )
    found = only("network_filters", with_target(FILTERED, network_filters=(CLEAN,)), Severity.BLOCKER)
    assert found.evidence == {"filter": "clean", "missing on kvm-b": "spoof"}


def test_a_filter_that_learns_by_dhcp_lets_nothing_through_before_the_next_lease() -> None:
    learns = "devices/interface/filterref/parameter"
    leaves = ((f"{learns}/@name", "CTRL_IP_LEARNING"), (f"{learns}/@value", "dhcp"))
    found = only("network_filters", with_guest(leaves=leaves), Severity.WARNING)
    assert found.summary.endswith("until the VM renews its lease on kvm-b, it has no network.")


def test_not_told_is_unknown_and_without_filters_nobody_asks() -> None:
    assert only("network_filters", FILTERED, Severity.UNKNOWN)
    assert run("network_filters") == ()
