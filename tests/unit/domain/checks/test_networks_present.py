from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    HEALTHY,
    SILENT,
    facts,
    network,
    network_nic,
    nic,
    only,
    run,
    with_guest,
    with_source,
    with_target,
)


def test_passes_when_it_is_there_and_active() -> None:
    assert run("networks_present", HEALTHY) == ()


def test_passes_without_network_nics_whatever_the_destination_says() -> None:
    assert run("networks_present", with_guest(with_target(networks=SILENT), nics=(nic,))) == ()


def test_a_missing_network_blocks_once_for_two_nics() -> None:
    two = with_guest(with_target(networks=()), nics=(network_nic, replace(network_nic, mac="52:54:00:00:00:03")))
    finding = only("networks_present", two, Severity.BLOCKER)
    assert finding.affects == "network lan"
    assert finding.remedies[0].command == "virsh net-dumpxml lan"


def test_an_inactive_network_blocks() -> None:
    given = with_target(networks=(replace(network, active=False),))
    assert only("networks_present", given, Severity.BLOCKER).remedies[0].command == "virsh net-start lan"


def test_a_hostile_name_is_quoted() -> None:
    bad = "$(reboot) <b>"
    given = with_guest(
        with_target(networks=(replace(network, name=bad, active=False),)), nics=(replace(network_nic, source=bad),)
    )
    finding = only("networks_present", given, Severity.BLOCKER)
    assert finding.remedies[0].command == "virsh net-start '$(reboot) <b>'"


def test_a_name_like_an_option_is_kept_from_being_one() -> None:
    given = with_guest(with_target(networks=()), nics=(replace(network_nic, source="--help"),))
    assert only("networks_present", given, Severity.BLOCKER).remedies[0].command == "virsh net-dumpxml -- --help"


def test_a_network_of_each_host_is_good_to_know() -> None:
    nat = (replace(network, forward="nat"),)
    only("networks_present", with_source(with_target(networks=nat), networks=nat), Severity.INFO)


def test_networks_of_one_name_in_different_modes_are_a_warning() -> None:
    found = run("networks_present", with_target(networks=(replace(network, forward=""),)))
    assert [finding.severity for finding in found] == [Severity.INFO, Severity.WARNING]
    assert found[1].evidence == {"kvm-a": "bridge", "kvm-b": "isolated"}


def test_a_missing_port_group_is_a_warning() -> None:
    given = with_guest(nics=(replace(network_nic, portgroup="dmz"),))
    assert only("networks_present", given, Severity.WARNING).evidence == {"needed": "dmz", "there": "none"}


def test_unknown_when_the_destination_is_silent() -> None:
    only("networks_present", with_target(networks=SILENT), Severity.UNKNOWN)
    only("networks_present", with_source(networks=SILENT), Severity.UNKNOWN)
    only("networks_present", facts(guest_definition=SILENT), Severity.UNKNOWN)
