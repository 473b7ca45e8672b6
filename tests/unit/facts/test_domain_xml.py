from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.facts import domain_xml
from hosts.facts.guest import BootFiles, Disk, HostDevice
from hosts.facts.xml import BadXml
from tests.data import read


@pytest.mark.parametrize("name", ["domain-live.xml", "domain-inactive.xml"])
def test_a_guest_of_the_lab(name: str) -> None:
    guest = domain_xml.parse(read(name))
    assert (guest.name, guest.virt_type, guest.arch, guest.machine) == ("web-01", "qemu", "x86_64", "pc-q35-7.2")
    assert guest.emulator == "/usr/bin/qemu-system-x86_64"
    assert (guest.memory_kib, guest.current_memory_kib, guest.vcpus) == (98304, 98304, 1)
    assert guest.boot == BootFiles(kernel="/var/lib/libvirt/boot/vmlinuz", initrd="/var/lib/libvirt/boot/initrd")
    (disk,) = guest.disks
    assert (disk.target, disk.device, disk.type, disk.format, disk.cache) == ("vda", "disk", "file", "qcow2", "none")
    assert disk.path == "/var/lib/libvirt/testvms/web-01.qcow2"
    assert not disk.mirrored
    (nic,) = guest.nics
    assert (nic.type, nic.source, nic.model) == ("bridge", "br1", "virtio")
    assert guest.host_devices == ()


def test_the_live_definition_has_the_cpu_as_it_runs() -> None:
    cpu = domain_xml.parse(read("domain-live.xml")).cpu
    assert (cpu.mode, cpu.model) == ("custom", "qemu64")
    assert ("hypervisor", "require") in cpu.features
    assert cpu.xml.startswith("<cpu mode=")
    assert cpu.xml.endswith("</cpu>")


@pytest.mark.parametrize("inside", ["<nvram/>", "<nvram type='network'><source protocol='nbd'/></nvram>"])
def test_uefi_variables_whose_file_has_the_name_of_the_vm(inside: str) -> None:
    """libvirt 9.0 writes it into the definition of the running VM only."""
    text = "<domain><name>web 01</name><uuid>x</uuid><os firmware='efi'><type>hvm</type>{}</os></domain>"
    by_name = BootFiles(nvram="/var/lib/libvirt/qemu/nvram/web 01_VARS.fd", nvram_by_name=True)
    assert domain_xml.parse(text.format("")).boot == by_name
    assert domain_xml.parse(text.format("<nvram>/x.fd</nvram>")).boot == BootFiles(nvram="/x.fd")
    assert domain_xml.parse(text.format(inside)).boot == BootFiles()


def test_every_kind_of_device() -> None:
    guest = domain_xml.parse(read("domain-devices.xml"))
    assert guest.uuid == "0a1b2c3d-0000-4000-8000-000000000001"
    assert (guest.name, guest.title) == ("big <b> ünïcode", "Everything at once")
    assert (guest.memory_kib, guest.current_memory_kib, guest.vcpus) == (4 * 1024**2, 2 * 1024**2, 8)
    assert guest.cpu.vendor == "Intel"
    assert guest.cpu.features == (("vmx", "require"), ("hle", "disable"))
    assert guest.boot.loader == "/usr/share/OVMF/OVMF_CODE_4M.fd"
    assert guest.boot.nvram == "/var/lib/libvirt/qemu/nvram/big_VARS.fd"
    assert guest.boot.dtb == "/boot/x.dtb"
    assert guest.filesystems == ("virtiofs data", "9p old")
    assert guest.has_tpm


def test_every_kind_of_disk() -> None:
    guest = domain_xml.parse(read("domain-devices.xml"))
    block, volume, network, empty, iso = guest.disks
    assert (block.path, block.shareable) == ("/dev/vg0/big", True)
    assert (volume.pool, volume.volume, volume.path) == ("testvms", "big-data.qcow2", "")
    assert (volume.mirrored, volume.startup_policy) == (True, "optional")
    assert (network.type, network.network_name, network.path, network.transient) == (
        "network",
        "rbd:pool/image",
        "",
        True,
    )
    assert (empty.type, empty.empty, empty.readonly) == ("", True, True)
    assert (iso.path, iso.empty) == ("/iso/debian.iso", False)
    assert not any(disk.empty for disk in (block, volume, network))
    assert guest.disk("vdb") is volume
    assert guest.disk("vdz") is None


def disk_of(xml: str) -> Disk:
    guest = domain_xml.parse(f"<domain><name>n</name><uuid>u</uuid><devices>{xml}</devices></domain>")
    (disk,) = guest.disks
    return disk


CHAIN = """
<disk type='file' device='disk'>
  <driver name='qemu' type='qcow2'/><source file='/vms/top.qcow2' index='3'/>
  <backingStore type='file' index='2'>
    <format type='qcow2'/><source file='/local/middle.qcow2'/>
    <backingStore type='block' index='1'>
      <format type='raw'/><source dev='/dev/vg/base'/>
      <backingStore type='network'>
        <format type='raw'/><source protocol='rbd' name='pool/base'/><backingStore/>
      </backingStore>
    </backingStore>
  </backingStore>
  <target dev='vda'/>
</disk>"""


def test_the_images_that_a_disk_builds_on() -> None:
    disk = disk_of(CHAIN)
    assert disk.path == "/vms/top.qcow2"
    assert disk.backing == ("/local/middle.qcow2", "/dev/vg/base")
    assert disk.backing_elsewhere == ("network rbd:pool/base",)
    (lab,) = domain_xml.parse(read("domain-live.xml")).disks
    assert lab.backing == lab.backing_elsewhere == ()


@pytest.mark.parametrize("kind", ["nvme", "vhostvdpa", "vhostuser", "something-new"])
def test_a_disk_whose_place_is_not_read_is_not_an_empty_drive(kind: str) -> None:
    disk = disk_of(f"<disk type='{kind}'><source dev='/x' path='/x'/><target dev='vda'/></disk>")
    assert (disk.type, disk.path, disk.empty) == (kind, "", False)


def test_an_empty_drive() -> None:
    assert disk_of("<disk type='file' device='cdrom'><target dev='sda'/></disk>").empty
    assert disk_of(
        "<disk type='file' device='cdrom'><source startupPolicy='optional'/><target dev='sda'/></disk>"
    ).empty


def test_every_kind_of_nic_and_host_device() -> None:
    guest = domain_xml.parse(read("domain-devices.xml"))
    assert [(nic.type, nic.source, nic.portgroup) for nic in guest.nics] == [
        ("network", "lan", "blue"),  # live XML of a network in bridge mode
        ("direct", "eno1", ""),
        ("hostdev", "0000:3b:02.1", ""),
        ("user", "", ""),
    ]
    assert guest.host_devices == (
        HostDevice(type="pci", name="0000:03:00.0"),
        HostDevice(type="usb", name="046d:c52b"),
        HostDevice(type="usb", name="bus 1 device 2"),
        HostDevice(type="mdev", name="c2177883-f1bb-47f0-914d-32a22e3a8804"),
        HostDevice(type="pci", name="0000:3b:02.1", teaming_transient=True),
    )


def test_how_nics_are_connected() -> None:
    guest = domain_xml.parse(
        "<domain><name>n</name><uuid>u</uuid><memoryBacking><hugepages/></memoryBacking><devices>"
        "<interface type='bridge'><source bridge='ovs0'/><virtualport type='openvswitch'/></interface>"
        "<interface type='ethernet'><target dev='tap7'/></interface>"
        "<hostdev type='usb'><source startupPolicy='optional'><vendor id='1'/><product id='2'/></source></hostdev>"
        "</devices></domain>"
    )
    assert [(nic.type, nic.virtualport) for nic in guest.nics] == [("bridge", "openvswitch"), ("ethernet", "")]
    assert guest.host_devices == (HostDevice(type="usb", name="0001:0002", startup_policy="optional"),)
    assert guest.hugepages
    assert not domain_xml.parse(read("domain-live.xml")).hugepages


def test_a_guest_without_anything() -> None:
    guest = domain_xml.parse("<domain><name>n</name><uuid>u</uuid></domain>")
    assert (guest.memory_kib, guest.vcpus, guest.disks, guest.machine) == (0, 0, (), "")


def test_without_name_or_uuid_it_is_no_guest() -> None:
    for text in ("<domain/>", "<domain><name>n</name></domain>", "<domain><uuid>u</uuid></domain>"):
        with pytest.raises(BadXml):
            domain_xml.parse(text)


_TAGS = st.sampled_from(
    ["disk", "interface", "hostdev", "source", "address", "target", "driver", "cpu", "vcpu", "memory"]
)
_NAMES = st.sampled_from(["type", "dev", "file", "bus", "domain", "unit", "pool", "network", "id"])


@given(st.lists(st.tuples(_TAGS, _NAMES, st.text("0123456789abcdefx-. /é", max_size=12))))
def test_no_device_upsets_it(parts: list[tuple[str, str, str]]) -> None:
    opened = "".join(f'<{tag} {name}="{value}">' for tag, name, value in parts)
    closed = "".join(f"</{tag}>" for tag, _, _ in reversed(parts))
    devices = "".join(
        f'<{tag} {name}="{value}"><source/><address {name}="{value}"/></{tag}>' for tag, name, value in parts
    )
    domain_xml.parse(f"<domain><name>n</name><uuid>u</uuid><devices>{devices}{opened}{closed}</devices></domain>")


HOST_THINGS = """<domain type='kvm'><name>x</name><uuid>6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11</uuid><os>
<nvram template='/usr/share/OVMF/VARS.fd'>/nv/x.fd</nvram><shim>/boot/shim</shim></os><devices>
<disk type='file'><driver name='qemu' type='qcow2'/><source file='/a.qcow2'><encryption format='luks'/>
<dataStore type='file'><format type='raw'/><source file='/a.data'/></dataStore><slices><slice type='storage' offset='0' size='9'/>
</slices></source><backingStore type='file'><format type='qcow2'/><source file='/b.qcow2'>
<dataStore type='block'><format type='raw'/><source dev='/dev/b'/></dataStore></source></backingStore><target dev='vda'/></disk>
<serial type='udp'><source mode='connect' host='10.0.0.9' service='1'/><source mode='bind' host='10.0.0.1' service='4555'/></serial>
<channel type='unix'><source mode='bind' path='/s/agent'/><log file='/l/agent.log'/></channel>
<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>
<graphics type='vnc' port='5901' autoport='no' websocket='5701' listen='10.0.0.1'><listen type='address' address='10.0.0.1'/></graphics>
<graphics type='spice' port='5900' tlsPort='5902' websocket='5703' autoport='yes' listen='10.0.0.1'>
<listen type='network' address='10.0.0.1' network='lan'/></graphics>
<graphics type='vnc'><listen type='socket' socket='/s/vnc'/></graphics>
<shmem name='s' role='peer'><model type='ivshmem-plain'/></shmem></devices></domain>"""


def test_what_of_the_host_a_definition_names() -> None:
    guest = domain_xml.parse(HOST_THINGS)
    assert guest.boot == BootFiles(nvram="/nv/x.fd", nvram_template="/usr/share/OVMF/VARS.fd", shim="/boot/shim")
    (disk,) = guest.disks
    assert (disk.encrypted, disk.sliced, disk.data_files) == (True, True, ("/a.data", "/dev/b"))
    serial, channel, rng = guest.character_devices
    assert (serial.type, serial.address, serial.port, serial.listens) == ("udp", "10.0.0.1", "4555", True)
    assert (channel.device, channel.path, channel.listens, channel.log) == ("channel", "/s/agent", True, "/l/agent.log")
    assert (rng.device, rng.type) == ("rng", "random")
    vnc, spice, socket = guest.graphics
    assert (vnc.ports, vnc.addresses) == ((5901, 5701), ("10.0.0.1",))
    assert (spice.ports, spice.addresses, spice.networks) == ((5703,), (), ("lan",))
    assert socket.sockets == ("/s/vnc",)
    assert [(shared.name, shared.model, shared.role) for shared in guest.shared_memory] == [
        ("s", "ivshmem-plain", "peer")
    ]


def test_all_of_a_definition_is_handed_on_as_leaves() -> None:
    text = """<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>x</name>
    <uuid>6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11</uuid><metadata><a xmlns='urn:a' b='c'>d</a></metadata>
    <devices>stray<disk type='file'/>more<disk type='file'/></devices><qemu:commandline><qemu:arg value='-x'/></qemu:commandline>
    <other xmlns='urn:b'/></domain>"""
    assert domain_xml.parse(text).leaves == (
        (".", ""),
        ("@type", "kvm"),
        ("name", "x"),
        ("uuid", "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"),
        ("metadata", ""),
        ("devices", "straymore"),
        ("devices/disk", ""),
        ("devices/disk/@type", "file"),
        ("qemu:commandline", ""),
        ("qemu:commandline/qemu:arg", ""),
        ("qemu:commandline/qemu:arg/@value", "-x"),
        ("{urn:b}other", ""),
    )
