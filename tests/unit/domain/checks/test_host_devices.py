from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import HostDevice
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, facts, nic, only, run, with_guest


def test_passes_without_devices() -> None:
    assert run("host_devices", HEALTHY) == ()


@pytest.mark.parametrize("kind", ["pci", "mdev", "scsi_host"])
def test_pci_sriov_and_mdev_block(kind: str) -> None:
    device = HostDevice(type=kind, name="0000:03:00.0")
    finding = only("host_devices", with_guest(host_devices=(device,)), Severity.BLOCKER)
    assert finding.affects == "device 0000:03:00.0"


def test_teaming_is_unplugged_by_libvirt() -> None:
    device = HostDevice(type="pci", name="0000:03:00.0", teaming_transient=True)
    assert only("host_devices", with_guest(host_devices=(device,)), Severity.INFO).remedies == ()


@pytest.mark.parametrize(("kind", "policy"), [("usb", ""), ("usb", "mandatory"), ("scsi", ""), ("something-new", "")])
def test_a_device_that_must_be_at_the_destination_is_unknown(kind: str, policy: str) -> None:
    device = HostDevice(type=kind, name="0951:1666", startup_policy=policy)
    finding = only("host_devices", with_guest(host_devices=(device,)), Severity.UNKNOWN)
    assert "kvmweb cannot tell whether the destination has an equivalent one" in finding.summary


@pytest.mark.parametrize("policy", ["optional", "requisite"])
def test_usb_that_may_be_left_out_is_a_warning(policy: str) -> None:
    device = HostDevice(type="usb", name="0951:1666", startup_policy=policy)
    only("host_devices", with_guest(host_devices=(device,)), Severity.WARNING)


def test_vdpa_blocks() -> None:
    vdpa = replace(nic, type="vdpa", source="/dev/vhost-vdpa-0")
    only("host_devices", with_guest(nics=(vdpa,)), Severity.BLOCKER)


def test_unknown_without_the_definition() -> None:
    only("host_devices", facts(guest_definition=SILENT), Severity.UNKNOWN)
