from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import HostDevice
from hosts.facts.host import SeenDevice
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import SILENT, cold, facts, nic, only, run, stopped, with_guest

NIC = HostDevice(type="pci", name="0000:03:00.0")
PCI = "pci 0000:03:00.0"
DEVICES = {
    PCI: SeenDevice("0x8086:0x10ed", "vfio-pci"),
    "mdev c2177883-f1bb-47f0-914d-32a22e3a8804": SeenDevice("nvidia-63"),
    "usb 0951:1666": SeenDevice("usb"),
}


def with_device(device: HostDevice = NIC, here: object = DEVICES, there: object = DEVICES) -> Facts:
    return stopped(with_guest(host_devices=(device,)), source_devices=here, target_devices=there)


def test_passes_without_devices() -> None:
    assert run("devices_there", stopped()) == run("devices_there", cold()) == ()


@pytest.mark.parametrize("name", DEVICES)
def test_passes_where_both_have_it(name: str) -> None:
    kind, _, named = name.partition(" ")
    assert run("devices_there", with_device(HostDevice(type=kind, name=named))) == ()


def test_a_missing_device_blocks() -> None:
    finding = only("devices_there", with_device(there={}), Severity.BLOCKER)
    assert finding.summary == "web01 uses PCI device 0000:03:00.0, which kvm-b does not have."


def test_another_device_at_the_same_address_blocks() -> None:
    finding = only("devices_there", with_device(there={PCI: SeenDevice("0x1af4:0x1001", "")}), Severity.BLOCKER)
    assert finding.evidence == {"type": "pci", "kvm-a": "0x8086:0x10ed", "kvm-b": "0x1af4:0x1001"}


def driven(driver: str | None) -> dict[str, SeenDevice]:
    return {PCI: SeenDevice("0x8086:0x10ed", driver)}


@pytest.mark.parametrize("driver", ["", "vfio-pci", "pci-stub", "mlx5_vfio_pci"])
def test_passes_where_no_driver_of_the_host_has_it(driver: str) -> None:
    assert run("devices_there", with_device(here=driven("nvme"), there=driven(driver))) == ()


def test_one_that_the_destination_itself_uses_blocks() -> None:
    finding = only("devices_there", with_device(there=driven("ixgbe")), Severity.BLOCKER)
    assert finding.summary == (
        "web01 uses PCI device 0000:03:00.0; kvm-b itself uses the one there (driver ixgbe), and libvirt would take it"
        " away from kvm-b."
    )
    assert finding.evidence == {"type": "pci", "driver": "ixgbe"}
    first = finding.remedies[0]
    assert (first.command, first.on) == ("virsh nodedev-detach pci_0000_03_00_0", "kvm-b")


def test_one_whose_driver_is_not_known_is_unknown() -> None:
    finding = only("devices_there", with_device(there=driven(None)), Severity.UNKNOWN)
    assert "whether kvm-b itself uses the one there" in finding.summary


def test_on_the_source_a_driver_has_it_while_the_vm_is_off() -> None:
    assert run("devices_there", replace(with_device(there=driven("ixgbe")), starts=True)) == ()


def test_usb_that_may_be_left_out_is_a_warning() -> None:
    stick = HostDevice(type="usb", name="0951:1666", startup_policy="optional")
    only("devices_there", with_device(stick, there={}), Severity.WARNING)


@pytest.mark.parametrize("here", [SILENT, {}])
def test_one_whose_model_is_not_known_is_unknown(here: object) -> None:
    finding = only("devices_there", with_device(here=here), Severity.UNKNOWN)
    assert "the same model" in finding.summary


@pytest.mark.parametrize(
    "device",
    [HostDevice(type="scsi", name="scsi_host0"), HostDevice(type="usb", name="bus 1 device 4"), NIC],
    ids=["scsi", "usb by address", "nobody sees it"],
)
def test_what_cannot_be_seen_is_unknown(device: HostDevice) -> None:
    only("devices_there", with_device(device, there=SILENT), Severity.UNKNOWN)


def test_vdpa_is_unknown() -> None:
    vdpa = replace(nic, type="vdpa", source="/dev/vhost-vdpa-0")
    only("devices_there", stopped(with_guest(nics=(vdpa,))), Severity.UNKNOWN)


def test_unknown_without_the_definition() -> None:
    only("devices_there", stopped(facts(guest_definition=SILENT)), Severity.UNKNOWN)
