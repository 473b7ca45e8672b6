"""The parts of a running VM that can be taken out, from domain XML."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts.facts import part_xml
from hosts.facts.part import Part, PartKind
from hosts.facts.xml import BadXml

DEVICES = (Path(__file__).parents[2] / "data/domain-devices.xml").read_text()


def domain(devices: str) -> str:
    return f"<domain><devices>{devices}</devices></domain>"


def only(live: str, saved: str = "") -> Part:
    (part,) = part_xml.parts(domain(live), domain(saved) if saved else "")
    return part


def test_what_can_leave_a_vm_and_nothing_else() -> None:
    assert [(part.kind, part.key, part.name) for part in part_xml.parts(DEVICES)] == [
        (PartKind.USB, "usb 046d:c52b", "USB device 046d:c52b"),
        (PartKind.USB, "usb bus 1 device 2", "USB device bus 1 device 2"),
        (PartKind.TEAMED, "nic 52:54:00:00:00:03", "NIC 52:54:00:00:00:03"),
        (PartKind.MEDIUM, "medium sdb", "CD /iso/debian.iso"),
    ]


def test_a_usb_device_loses_its_place_on_the_host_when_its_model_is_known() -> None:
    part = only(
        "<hostdev mode='subsystem' type='usb' managed='yes'><source><vendor id='0x046d'/><product id='0x0825'/>"
        "<address bus='1' device='4'/></source><alias name='hostdev0'/><address type='usb' bus='0' port='2'/></hostdev>"
    )
    assert "<address bus='1' device='4'/>".replace("'", '"') in part.out
    assert "device=" not in part.back
    assert "alias" not in part.back
    assert '<address type="usb" bus="0" port="2"/>' in part.back
    assert (part.alias, part.device, part.anywhere, part.saved) == ("hostdev0", "usb 046d:0825", True, False)


def test_one_that_the_vm_was_started_without_is_not_there() -> None:
    source = "<source startupPolicy='optional' missing='yes'><vendor id='0x1'/><product id='0x2'/></source>"
    assert part_xml.parts(domain(f"<hostdev type='usb'>{source}</hostdev>")) == ()


def test_one_that_is_known_by_its_place_means_nothing_elsewhere() -> None:
    part = only("<hostdev type='usb'><source><address bus='1' device='4'/></source></hostdev>")
    assert not part.anywhere
    assert 'device="4"' in part.back


def test_the_saved_definition_names_the_network_and_not_the_device_of_this_host() -> None:
    mac, team = "<mac address='52:54:00:AA:00:01'/>", "<teaming type='transient' persistent='ua-net0'/>"
    pci = "<source><address type='pci' domain='0' bus='3' slot='16' function='1'/></source>"
    live = f"<interface type='hostdev'>{mac}{pci}{team}<alias name='hostdev0'/></interface>"
    part = only(live, f"<interface type='network'>{mac}<source network='vfs'/>{team}</interface>")
    assert part.key == "nic 52:54:00:aa:00:01"
    assert "hostdev" in part.out
    assert '<source network="vfs"/>' in part.back
    assert (part.device, part.saved) == ("", True)
    alone = only(live)
    assert (alone.device, alone.saved) == ("pci 0000:03:10.1", False)


def test_aliases_of_users_stay() -> None:
    nic = "<interface type='bridge'><mac address='52:54:00:00:00:09'/><source bridge='br1' portid='x'/>"
    part = only(f"{nic}<target dev='vnet3'/><teaming type='transient'/><alias name='ua-net1'/></interface>")
    assert 'alias name="ua-net1"' in part.back
    assert "vnet3" not in part.back
    assert "portid" not in part.back
    assert 'bridge="br1"' in part.back


def cd(image: str, more: str = "") -> str:
    source = f"<source {image} index='2'/>" if image else ""
    return (
        f"<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>{source}<backingStore/>"
        f"<target dev='sda' bus='sata'/><readonly/><alias name='sata0-0-0'/>{more}</disk>"
    )


def test_a_medium_is_ejected_by_the_same_drive_without_it() -> None:
    part = only(cd("file='/a.iso'"))
    assert (part.drive, part.image) == ("sda", "/a.iso")
    assert "source" not in part.out
    assert 'dev="sda"' in part.out
    assert '<source file="/a.iso"/>' in part.back
    assert "backingStore" not in part.back
    assert part_xml.parts(domain(cd(""))) == ()


def test_the_saved_definition_may_have_another_medium() -> None:
    policy = "file='/a.iso' startupPolicy='optional'"
    assert "optional" in only(cd("file='/a.iso'"), cd(policy)).back
    other = only(cd("file='/a.iso'"), cd("file='/b.iso'"))
    assert (other.saved, "/a.iso" in other.back) == (False, True)


def test_a_medium_of_a_pool() -> None:
    part = only("<disk type='volume' device='floppy'><source pool='isos' volume='f.img'/><target dev='fda'/></disk>")
    assert (part.name, part.image) == ("floppy isos/f.img", "isos/f.img")


@pytest.mark.parametrize("text", ["", "<domain>", "<!DOCTYPE x><domain/>"])
def test_hostile_definitions_are_refused(text: str) -> None:
    with pytest.raises(BadXml):
        part_xml.parts(text)


def test_texts_of_hosts_are_no_markup() -> None:
    part = only(cd('file="/&lt;b&gt;&quot;.iso"'))
    assert part.image == '/<b>".iso'
    assert "&lt;b&gt;" in part.back
