"""Where a guest could go by what was last seen: what speaks against it, and what says nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hosts.facts.guest import RunState
from migrations_app.domain.movability import WHEN_OFF, GuestSeen, HostSeen, held_back, objections

HERE = HostSeen(name="kvm-a", closed="", memory_free_kib=0, networks={"dmz": True}, bridges={"br0": True, "br1": True})
THERE = HostSeen(
    name="kvm-b", closed="", memory_free_kib=4096, networks={"dmz": True}, bridges={"br0": True, "br1": True}
)


def guest(**fields: Any) -> GuestSeen:
    values: dict[str, Any] = {
        "state": RunState.RUNNING,
        "here": HERE,
        "unread": "",
        "read": True,
        "memory_kib": 1024,
        "nics": [{"type": "network", "source": "dmz"}, {"type": "bridge", "source": "br1"}],
        "devices": [],
    }
    return GuestSeen(**(values | fields))


def test_nothing_stands_in_the_way_of_a_running_guest() -> None:
    for state in (RunState.RUNNING, RunState.BLOCKED, RunState.PAUSED):
        assert held_back(guest(state=state)) == ""
    assert objections(guest(), THERE) == ()


def test_a_migration_that_somebody_started_by_hand() -> None:
    """kvmweb has no record of it, but both hosts show their half."""
    moving = guest(also={"kvm-b": RunState.PAUSED}, receiving="kvm-b")
    assert held_back(moving) == "It is migrating to kvm-b now."


def test_a_host_that_has_the_guest_too() -> None:
    left = guest(also={"kvm-b": RunState.SHUTOFF})
    assert held_back(left) == ""
    assert objections(left, THERE) == ("already has a VM with this UUID (shut off)",)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RunState.CRASHED, "It has crashed."),
        (RunState.PMSUSPENDED, "It is suspended by its own operating system."),
        (RunState.SHUTDOWN, "It is shutting down."),
        (RunState.NOSTATE, "Its state is unknown."),
    ],
)
def test_what_does_not_run_goes_nowhere(state: RunState, words: str) -> None:
    assert held_back(guest(state=state)) == words


def test_what_is_shut_off_migrates_offline() -> None:
    assert held_back(guest(state=RunState.SHUTOFF)) == ""


def test_what_cannot_be_seen_now_is_not_called_movable() -> None:
    assert held_back(guest(here=None)) == "No host reports it."
    assert held_back(guest(unread="refuses kvmweb's login")) == "kvm-a refuses kvmweb's login."
    assert held_back(guest(read=False)) == "Its definition has not been read yet."


def test_a_device_of_the_host_keeps_the_guest_there() -> None:
    pci = {"type": "pci", "name": "0000:41:00.0", "teaming_transient": False}
    assert held_back(guest(devices=[pci])) == f"PCI device 0000:41:00.0 belongs to kvm-a. {WHEN_OFF}"
    assert held_back(guest(devices=[{"type": "mdev", "name": "x"}])) == f"MDEV device x belongs to kvm-a. {WHEN_OFF}"
    assert held_back(guest(nics=[{"type": "vdpa", "source": "/dev/vhost-vdpa-0"}])) != ""
    assert held_back(guest(devices=[pci | {"teaming_transient": True}, {"type": "usb", "name": "1:2"}])) == ""


def test_missing_and_inactive_places_are_told_once_each() -> None:
    both = [{"type": "bridge", "source": "br1"}] * 2 + [{"type": "network", "source": "dmz"}]
    bare = replace(THERE, networks={"dmz": False}, bridges={"br0": True})
    assert objections(guest(nics=both), bare) == ("has no bridge br1", "has network dmz, but it is inactive")


def test_a_bridge_that_the_inventory_does_not_know_is_no_objection() -> None:
    """Open vSwitch: the guest's own host does not show it either, though the guest runs on it."""
    assert objections(guest(nics=[{"type": "bridge", "source": "ovs0"}]), THERE) == ()
    assert objections(guest(nics=[{"type": "direct", "source": "eth0"}, {"type": "user"}]), THERE) == ()


def test_less_free_memory_is_told() -> None:
    assert objections(guest(memory_kib=4096), THERE) == ()
    assert objections(guest(memory_kib=4097), THERE) == ("has less free memory than the VM needs",)
