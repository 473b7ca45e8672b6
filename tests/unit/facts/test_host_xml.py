from __future__ import annotations

import pytest

from hosts.facts import (
    capabilities_xml,
    domain_capabilities_xml,
    network_filter_xml,
    network_xml,
    pool_xml,
    volume_xml,
    xml,
)
from hosts.facts.storage import Qcow2, VolumeSpec
from hosts.facts.xml import BadXml
from tests.data import read


@pytest.mark.parametrize(("suite", "newest"), [("bookworm", "pc-q35-7.2"), ("trixie", "pc-q35-10.0")])
def test_capabilities(suite: str, newest: str) -> None:
    found = capabilities_xml.parse(read(f"capabilities-{suite}.xml"))
    assert len(found.host_uuid) == 36
    assert found.arch == "x86_64"
    assert found.cpu_model
    assert found.cpu_features
    assert found.cpus > 0
    x86 = next(guest for guest in found.guests if guest.arch == "x86_64")
    assert x86.emulator == "/usr/bin/qemu-system-x86_64"
    assert "qemu" in x86.domain_types
    assert len(found.cpu_numbers) == found.cpus
    assert found.numa_nodes
    assert found.security_models >= {"dac"}
    assert found.qemu_uid == 0
    canonical = {machine.name: machine.canonical for machine in x86.machines}
    assert canonical["q35"] == newest
    assert canonical["pc-q35-7.2"] == "pc-q35-7.2"
    assert len(canonical) == len(x86.machines)


def test_the_tsc() -> None:
    counter = "<counter name='tsc' frequency='2904002000' scaling='yes'/>"
    found = capabilities_xml.parse(f"<capabilities><host><cpu>{counter}</cpu></host></capabilities>")
    assert (found.tsc_frequency, found.tsc_scaling) == (2_904_002_000, True)
    assert capabilities_xml.parse(read("capabilities-trixie.xml")).tsc_frequency == 0


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_domain_capabilities(suite: str) -> None:
    found = domain_capabilities_xml.parse(read(f"domcapabilities-{suite}.xml"))
    assert (found.emulator, found.arch, found.virt_type) == ("/usr/bin/qemu-system-x86_64", "x86_64", "qemu")
    assert (found.machine, found.max_vcpus) == ("pc-q35-7.2", 288)
    custom = found.cpu_modes["custom"]
    assert custom.supported
    assert "qemu64" in custom.models
    assert not custom.models & custom.blocked_models
    assert not custom.doubtful_models
    assert not found.cpu_modes["host-passthrough"].supported
    assert found.host_model_features
    assert found.offers["graphics", "type"] >= {"vnc"}
    assert found.offers["tpm", "backendModel"] == {"passthrough"}
    assert ("tpm", "backendVersion") not in found.offers
    assert found.offers["memoryBacking", "sourceType"] == {"file", "anonymous", "memfd"}
    assert found.offers["hyperv", "features"] == {"spinlocks", "vendor_id"}
    assert found.offers["os", "firmware"] == frozenset()
    assert found.offers["gic", ""] == frozenset()


def test_what_is_not_supported_is_not_offered() -> None:
    text = "<domainCapabilities><devices><tpm supported='no'><enum name='model'><value>x</value></enum></tpm></devices></domainCapabilities>"
    assert domain_capabilities_xml.parse(text).offers == {("tpm", ""): frozenset(), ("tpm", "model"): frozenset()}


def test_network_filters() -> None:
    found = network_filter_xml.parse("<filter name='a'><filterref filter='b'/><rule/><filterref filter='c'/></filter>")
    assert (found.name, found.uses) == ("a", ("b", "c"))


def test_pools() -> None:
    shared = pool_xml.parse(read("pool-gluster.xml"), active=True, autostart=False)
    assert (shared.name, shared.type, shared.source_format) == ("testvms", "netfs", "glusterfs")
    assert (shared.source_hosts, shared.source_dir) == (("storage",), "/testvms")
    assert shared.target_path == "/var/lib/libvirt/testvms"
    assert shared.capacity > shared.available > 0
    assert (shared.active, shared.autostart) == (True, False)
    local = pool_xml.parse(read("pool-dir.xml"), active=False, autostart=True)
    assert (local.type, local.source_hosts, local.source_devices) == ("dir", (), ())


def test_networks() -> None:
    isolated = network_xml.parse(read("network-isolated.xml"), active=True, autostart=True)
    assert (isolated.name, isolated.bridge, isolated.forward) == ("isolated", "virbr-iso", "")
    nat = network_xml.parse(read("network-nat.xml"), active=False, autostart=False)
    assert (nat.bridge, nat.forward, nat.portgroups) == ("virbr0", "nat", ("blue", "green"))
    lent = network_xml.parse(
        "<network><ip><dhcp><host mac='52:54:00:AA:00:01' name='web' ip='192.168.122.5'/><host name='x'/></dhcp></ip></network>",
        active=True,
        autostart=True,
    )
    assert (lent.dhcp, isolated.dhcp) == (True, False)
    assert lent.reservations == (("52:54:00:aa:00:01", "192.168.122.5"),)
    assert network_xml.parse("<network><forward/></network>", active=True, autostart=True).forward == "nat"


def test_volume() -> None:
    volume = volume_xml.parse(read("volume-qcow2.xml"), pool="testvms")
    assert (volume.pool, volume.name, volume.format, volume.type) == ("testvms", "web-01.qcow2", "qcow2", "file")
    assert volume.path == "/var/lib/libvirt/testvms/web-01.qcow2"
    assert volume.capacity == 64 * 1024**2
    assert volume.qcow2 == Qcow2(compat="0.10")
    raw = "<volume><target><format type='raw'/><compat>1.1</compat></target></volume>"
    assert volume_xml.parse(raw, pool="p").qcow2 is None


def test_a_new_volume_is_sparse_and_exact() -> None:
    text = volume_xml.build(VolumeSpec(pool="p", name="a & <b>.qcow2", format="qcow2", capacity=1_000_000_001))
    volume = xml.parse(text, root="volume")
    assert volume.text("name") == "a & <b>.qcow2"
    assert volume.size("capacity", "GiB") == 1_000_000_001
    assert volume.size("allocation", "GiB") == 0
    assert volume.get("type", "target/format") == "qcow2"


@pytest.mark.parametrize(
    "image",
    [
        Qcow2(),
        Qcow2(compat="0.10", cluster_size=4096),
        Qcow2(cluster_size=2 * 1024**2, lazy_refcounts=True),
        Qcow2(cluster_size=128 * 1024, lazy_refcounts=True, extended_l2=True),
    ],
)
def test_a_new_image_is_made_as_it_was_read(image: Qcow2) -> None:
    spec = VolumeSpec(pool="p", name="v", format="qcow2", capacity=1, qcow2=image)
    assert volume_xml.parse(volume_xml.build(spec), pool="p").qcow2 == image
    raw = VolumeSpec(pool="p", name="v", format="raw", capacity=1, qcow2=image)
    assert "compat" not in volume_xml.build(raw)


@pytest.mark.parametrize(
    "changes",
    [{"name": "../x"}, {"name": ""}, {"name": ".."}, {"name": "a\nb"}, {"format": "vmdk"}, {"capacity": 0}],
)
def test_a_volume_that_must_not_be_made(changes: dict[str, object]) -> None:
    usual: dict[str, object] = {"pool": "p", "name": "v", "format": "raw", "capacity": 1}
    with pytest.raises(BadXml):
        volume_xml.build(VolumeSpec(**{**usual, **changes}))  # type: ignore[arg-type]


def test_a_model_is_usable_only_when_libvirt_says_so() -> None:
    models = "".join(f"<model usable='{usable}'>{usable}</model>" for usable in ("yes", "no", "unknown"))
    mode = f"<mode name='custom' supported='yes'>{models}<model>silent</model></mode>"
    found = domain_capabilities_xml.parse(f"<domainCapabilities><cpu>{mode}</cpu></domainCapabilities>")
    custom = found.cpu_modes["custom"]
    assert (custom.models, custom.blocked_models) == ({"yes"}, {"no"})
    assert custom.doubtful_models == {"unknown", "silent"}
