from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    SILENT,
    network,
    network_nic,
    nic,
    only,
    run,
    with_guest,
    with_source,
    with_target,
)

LENT = replace(network, forward="nat", dhcp=True)
RESERVED = replace(LENT, reservations=((network_nic.mac, "192.168.122.5"),))


def test_passes_without_dhcp_and_with_the_same_reservation() -> None:
    assert run("dhcp_addresses") == ()
    both = with_source(with_target(networks=(RESERVED,)), networks=(RESERVED,))
    assert run("dhcp_addresses", both) == ()
    assert run("dhcp_addresses", with_guest(with_target(networks=SILENT), nics=(nic,))) == ()


def test_a_missing_network_is_for_another_check() -> None:
    assert run("dhcp_addresses", with_source(with_target(networks=()), networks=(RESERVED,))) == ()


def test_a_reservation_that_the_destination_does_not_have_or_has_otherwise() -> None:
    other = replace(RESERVED, reservations=((network_nic.mac, "192.168.122.6"),))
    for there in (LENT, other):
        found = only(
            "dhcp_addresses", with_source(with_target(networks=(there,)), networks=(RESERVED,)), Severity.WARNING
        )
        assert found.summary == "Network lan reserves 192.168.122.5 for web01 on kvm-a, but not on kvm-b."
        assert found.remedies[0].command == "virsh net-edit lan"


def test_a_lease_is_of_one_host() -> None:
    found = only("dhcp_addresses", with_source(with_target(networks=(LENT,)), networks=(LENT,)), Severity.INFO)
    assert found.affects == f"NIC {network_nic.mac}"


def test_networks_that_are_not_told_are_unknown() -> None:
    only("dhcp_addresses", with_target(networks=SILENT), Severity.UNKNOWN)
