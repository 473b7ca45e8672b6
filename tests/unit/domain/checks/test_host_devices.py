from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import HostDevice
from hosts.facts.host import SeenDevice
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, SILENT, changed, facts, nic, only, run, with_guest


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


# --- the option detach ----------------------------------------------------------------------------------------------

STICK = HostDevice(type="usb", name="0951:1666")
TEAMED = HostDevice(type="pci", name="0000:03:00.0", teaming_transient=True)


def with_device(device: HostDevice, *, detach: bool = False, **changes: object) -> Facts:
    given = changed(with_guest(host_devices=(device,)), **changes)
    return replace(given, request=replace(given.request, options=given.request.options.changed(detach=detach)))


def vf(model: str, driver: str | None) -> dict[str, SeenDevice]:
    return {"pci 0000:03:00.0": SeenDevice(model, driver)}


def test_libvirt_would_take_one_away_from_the_destination() -> None:
    here = vf("0x8086:0x10ed", "vfio-pci")
    given = with_device(TEAMED, source_devices=here, target_devices=vf("0x8086:0x10ed", "iavf"))
    finding = only("host_devices", given, Severity.BLOCKER)
    assert "kvm-b itself uses that one (driver iavf)" in finding.summary
    only("host_devices", with_device(TEAMED, source_devices=here, target_devices=here), Severity.INFO)


@pytest.mark.parametrize("device", [STICK, TEAMED])
def test_what_the_destination_lacks_blocks_and_can_be_detached_by_kvmweb(device: HostDevice) -> None:
    finding = only("host_devices", with_device(device, target_devices={}), Severity.BLOCKER)
    assert "kvm-b does not have it: libvirt would refuse the migration." in finding.summary
    assert [fix.option for fix in finding.remedies] == ["detach", "", ""]


def test_what_cannot_be_told_can_be_detached_too() -> None:
    finding = only("host_devices", with_device(STICK), Severity.UNKNOWN)
    assert finding.remedies[0].option == "detach"


def test_a_pci_device_without_a_team_cannot_leave() -> None:
    fixed = replace(TEAMED, teaming_transient=False)
    for detach in (True, False):
        finding = only("host_devices", with_device(fixed, detach=detach, target_devices={}), Severity.BLOCKER)
        assert [fix.option for fix in finding.remedies] == ["", ""]


@pytest.mark.parametrize(
    ("device", "there", "severity", "ends"),
    [
        (STICK, {"usb 0951:1666": SeenDevice("usb")}, Severity.INFO, "and attaches the one of kvm-b afterwards."),
        (STICK, {}, Severity.WARNING, "kvm-b does not have it: the VM will run there without it."),
        (STICK, SILENT, Severity.WARNING, "If kvm-b does not have it, the VM will run there without it."),
        (replace(STICK, name="bus 1 device 4"), {}, Severity.WARNING, "you must attach it on kvm-b."),
        (TEAMED, vf("0x8086:0x10ed", ""), Severity.INFO, "attaches the one of kvm-b afterwards."),
        (
            TEAMED,
            vf("0x1234:0x1111", ""),
            Severity.WARNING,
            "kvm-b does not have it: the VM will run there without it.",
        ),
        (TEAMED, vf("0x8086:0x10ed", "iavf"), Severity.WARNING, "(driver iavf): the VM will run there without it."),
        (TEAMED, vf("0x8086:0x10ed", None), Severity.WARNING, "itself uses it: the VM will run there without it."),
    ],
)
def test_detached_by_kvmweb(device: HostDevice, there: object, severity: Severity, ends: str) -> None:
    here = {**vf("0x8086:0x10ed", "vfio-pci"), "usb 0951:1666": SeenDevice("usb")}
    given = with_device(device, detach=True, source_devices=here, target_devices=there)
    finding = only("host_devices", given, severity)
    assert "kvmweb detaches" in finding.summary
    assert finding.summary.endswith(ends)
    assert finding.remedies == ()
