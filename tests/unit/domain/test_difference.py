"""Two saved definitions of one VM: what differs is found, what was asked for or is libvirt's own is not told."""

from __future__ import annotations

import pytest

from hosts.facts.xml import BadXml
from migrations_app.domain.definition.difference import MOST, Difference, differences

DISK = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/a/web.qcow2'/>{}
<target dev='vda' bus='virtio'/></disk>"""
NIC = "<interface type='bridge'><mac address='52:54:00:00:00:0{}'/><source bridge='br{}'/></interface>"


def domain(*devices: str, name: str = "web-01", more: str = "") -> str:
    text = "".join(devices) or DISK.format("")
    return f"<domain type='qemu'><name>{name}</name><memory unit='KiB'>98304</memory>{more}<devices>{text}</devices></domain>"


def test_the_same_is_the_same_whatever_its_spaces() -> None:
    assert differences(domain(), domain().replace("><", ">\n  <")) == ()


def test_an_attribute_a_text_and_an_element_are_told() -> None:
    after = domain(more="<vcpu>2</vcpu>").replace("98304", "65536").replace("bus='virtio'", "bus='sata'")
    assert differences(domain(), after) == (
        Difference("memory", "98304", "65536"),
        Difference("devices/disk[vda]/target/@bus", "virtio", "sata"),
        Difference("vcpu", "", "2"),
    )


def test_what_libvirt_writes_by_itself_is_no_difference() -> None:
    after = domain(DISK.format("<backingStore type='file'><source file='/b'/></backingStore><alias name='x'/>"))
    assert differences(domain(), after.replace("type='qemu'", "type='qemu' id='7'")) == ()


def test_the_order_of_devices_is_no_difference_and_which_one_it_is_is() -> None:
    before = domain(NIC.format(1, 0), NIC.format(2, 1))
    assert differences(before, domain(NIC.format(2, 1), NIC.format(1, 0))) == ()
    (one,) = differences(before, domain(NIC.format(1, 0), NIC.format(2, 5)))
    assert one == Difference("devices/interface[52:54:00:00:00:02]/source/@bridge", "br1", "br5")


def test_a_place_that_was_asked_for_is_no_difference() -> None:
    after = domain(
        DISK.format("")
        .replace("type='file' device", "type='block' device")
        .replace("file='/a/web.qcow2'", "dev='/dev/x'")
    ).replace("type='qcow2'", "type='raw'")
    assert differences(domain(), after, placed=["vda"]) == ()
    assert {one.path for one in differences(domain(), after)} == {
        "devices/disk[vda]/@type",
        "devices/disk[vda]/driver/@type",
        "devices/disk[vda]/source/@file",
        "devices/disk[vda]/source/@dev",
    }
    cache = after.replace("bus='virtio'", "bus='sata'")
    assert [one.path for one in differences(domain(), cache, placed=["vda"])] == ["devices/disk[vda]/target/@bus"]


def test_only_the_name_that_was_asked_for_is_no_difference() -> None:
    assert differences(domain(), domain(name="web-02"), name="web-02") == ()
    assert differences(domain(), domain(name="web-03"), name="web-02") == (Difference("name", "web-01", "web-03"),)
    assert differences(domain(), domain(name="web-02")) == (Difference("name", "web-01", "web-02"),)


def test_it_is_bounded_whatever_the_host_sends() -> None:
    many = "".join(f"<x{n} a='{'y' * 1000}'/>" for n in range(100))
    found = differences(domain(), domain(more=many))
    assert len(found) == MOST
    assert max(len(one.after) for one in found) <= 120


def test_what_is_no_definition_is_not_compared() -> None:
    with pytest.raises(BadXml):
        differences(domain(), "<network/>")
