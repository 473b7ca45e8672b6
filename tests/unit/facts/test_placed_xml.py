"""A definition with its disks at other places."""

from __future__ import annotations

import pytest

from hosts.facts import domain_xml
from hosts.facts.placed_xml import copy, disk, place
from hosts.facts.storage import DiskPlace
from hosts.facts.xml import BadXml

LIVE = """<domain type='kvm'><name>a</name><uuid>6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11</uuid><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' discard_no_unref='on'>
<metadata_cache><max_size unit='bytes'>1048576</max_size></metadata_cache></driver>
<source file='/old/a.qcow2' index='1'/><backingStore type='file'><format type='qcow2'/><source file='/old/base'/>
<backingStore/></backingStore><target dev='vda' bus='virtio'/><serial>s-1</serial></disk>
<disk type='volume' device='disk'><driver name='qemu' type='raw'/><source pool='local' volume='b.raw'/>
<target dev='vdb' bus='virtio'/></disk>
<disk type='block' device='disk'><source dev='/dev/sdx'/><target dev='vdc' bus='virtio'/></disk></devices></domain>"""
PLACES = {
    "vda": DiskPlace(path="/fast/a & <b>.raw", pool="fast", volume="a & <b>.raw", format="raw"),
    "vdb": DiskPlace(path="/fast/b.qcow2", pool="fast", volume="b.qcow2", format="qcow2"),
    "vdc": DiskPlace(path="/fast/c.raw", pool="fast", volume="c.raw", format="raw"),
}


def test_each_disk_keeps_its_way_of_naming_its_source() -> None:
    found = domain_xml.parse(place(LIVE, PLACES))
    vda, vdb, vdc = (found.disk(target) for target in ("vda", "vdb", "vdc"))
    assert vda is not None
    assert vdb is not None
    assert vdc is not None
    assert (vda.type, vda.path, vda.format, vda.cache, vda.backing) == ("file", "/fast/a & <b>.raw", "raw", "none", ())
    assert (vdb.type, vdb.pool, vdb.volume, vdb.format) == ("volume", "fast", "b.qcow2", "qcow2")
    assert (vdc.type, vdc.path, vdc.format) == ("file", "/fast/c.raw", "raw")


def test_what_only_qcow2_has_and_backing_images_go_and_the_rest_stays() -> None:
    text = place(LIVE, {"vda": PLACES["vda"]})
    assert "metadata_cache" not in text
    assert "discard_no_unref" not in text
    assert "backingStore" not in text
    assert "<serial>s-1</serial>" in text
    assert 'volume="b.raw"' in text
    kept = DiskPlace(path="/fast/a", pool="fast", volume="a", format="qcow2")
    assert "metadata_cache" in place(LIVE, {"vda": kept})


def test_a_saved_disk_with_another_source_is_left_alone() -> None:
    saved = LIVE.replace("/old/a.qcow2", "/other/a.qcow2")
    found = domain_xml.parse(place(saved, PLACES, like=LIVE))
    assert [disk.path for disk in found.disks] == ["/other/a.qcow2", "", "/fast/c.raw"]
    without = LIVE[: LIVE.index("<disk type='block'")] + "</devices></domain>"
    assert len(domain_xml.parse(place(without, PLACES, like=LIVE)).disks) == 2


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(BadXml, match="vdz"):
        place(LIVE, {"vdz": PLACES["vda"]})
    with pytest.raises(BadXml):
        place(LIVE, {"vda": DiskPlace(path="/a\x00", pool="p", volume="v", format="raw")})


def test_one_disk_alone_for_the_saved_definition() -> None:
    text = disk(LIVE, "vda", PLACES["vda"])
    assert text.startswith("<disk ")
    assert 'file="/fast/a &amp; &lt;b&gt;.raw"' in text
    assert "backingStore" not in text
    with pytest.raises(BadXml, match="vdz"):
        disk(LIVE, "vdz", PLACES["vda"])


def test_where_a_disk_is_copied_to() -> None:
    assert copy(PLACES["vda"]) == (
        '<disk type="file"><source file="/fast/a &amp; &lt;b&gt;.raw"/><driver type="raw"/></disk>'
    )
    with pytest.raises(BadXml):
        copy(DiskPlace(path="/a\x00", pool="p", volume="v", format="raw"))
