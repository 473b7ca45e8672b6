from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    HEALTHY,
    SILENT,
    bridge,
    network,
    network_nic,
    nic,
    only,
    run,
    with_guest,
    with_target,
)

MACVTAP = replace(nic, type="direct", source="eth1")


def test_passes_when_it_is_there_and_up() -> None:
    assert run("bridges_present", HEALTHY) == ()


def test_passes_without_bridge_nics_whatever_the_destination_says() -> None:
    nat = with_target(interfaces=SILENT, networks=(replace(network, forward="nat"),))
    assert run("bridges_present", with_guest(nat, nics=(network_nic,))) == ()
    assert run("bridges_present", with_guest(with_target(interfaces=SILENT), nics=())) == ()


def test_a_missing_bridge_blocks() -> None:
    finding = only("bridges_present", with_target(interfaces=()), Severity.BLOCKER)
    assert finding.summary == "kvm-b has no bridge br1, which web01 uses."
    assert finding.affects == "bridge br1"
    (fix,) = finding.remedies
    assert fix.text.startswith("Add bridge br1 to the network configuration of kvm-b")
    assert fix.command == "", "a bridge that is down, without an uplink, gone after a reboot helps nobody"


def test_a_bridge_that_is_down_blocks() -> None:
    finding = only("bridges_present", with_target(interfaces=(replace(bridge, active=False),)), Severity.BLOCKER)
    assert finding.remedies[0].command == "ip link set dev br1 up"


def test_a_bridge_without_a_carrier_that_libvirt_alone_tells_of_is_unknown() -> None:
    given = with_target(interfaces=(replace(bridge, active=False, certain=False),))
    finding = only("bridges_present", given, Severity.UNKNOWN)
    assert finding.remedies[0].command == "ip link show dev br1"


@pytest.mark.parametrize("state", [{"active": False}, {"active": False, "certain": False}, {"is_bridge": False}])
def test_an_open_vswitch_bridge_only_has_to_be_there(state: dict[str, bool]) -> None:
    ovs = replace(nic, source="ovs0", virtualport="openvswitch")
    there = with_target(interfaces=(replace(bridge, name="ovs0", **{"is_bridge": False} | state),))
    assert run("bridges_present", with_guest(there, nics=(ovs,))) == ()
    only("bridges_present", with_guest(nics=(ovs,)), Severity.BLOCKER)


def test_open_vswitch_adds_no_port_to_a_linux_bridge() -> None:
    ovs = replace(nic, virtualport="openvswitch")
    assert "is a Linux bridge" in only("bridges_present", with_guest(nics=(ovs,)), Severity.BLOCKER).summary


def test_the_bridge_of_a_network_in_bridge_mode_must_be_there() -> None:
    given = with_guest(nics=(network_nic,))
    assert run("bridges_present", given) == ()
    assert "no bridge br1" in only("bridges_present", with_target(given, interfaces=()), Severity.BLOCKER).summary
    only("bridges_present", with_target(given, interfaces=(replace(bridge, active=False),)), Severity.BLOCKER)
    only("bridges_present", with_target(given, interfaces=SILENT), Severity.UNKNOWN)
    ovs = replace(network, virtualport="openvswitch")
    down = (replace(bridge, active=False, is_bridge=False),)
    assert run("bridges_present", with_target(given, networks=(ovs,), interfaces=down)) == ()


def test_a_device_of_that_name_that_is_no_bridge_is_a_warning() -> None:
    only("bridges_present", with_target(interfaces=(replace(bridge, is_bridge=False),)), Severity.WARNING)


def test_the_device_of_a_macvtap_nic_must_be_there() -> None:
    only("bridges_present", with_guest(nics=(MACVTAP,)), Severity.BLOCKER)
    there = with_target(with_guest(nics=(MACVTAP,)), interfaces=(replace(bridge, name="eth1", is_bridge=False),))
    assert run("bridges_present", there) == ()


def test_unknown_when_the_destination_is_silent() -> None:
    only("bridges_present", with_target(interfaces=SILENT), Severity.UNKNOWN)
