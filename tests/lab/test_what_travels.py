"""Every line of docs/what-travels.md that says "carried" and has no other test: a VM with all of it migrates once, and
each test reads one line on the destination."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from hosts.facts.runtime import NO_LIMIT
from lab import Lab
from lab.guests import POOLS
from lab.host import Host
from lab.reset import refresh_pools
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

FILTER = "no-mac-spoofing"
NAME, MAC, LIVE_MAC, SPACE = "web-01", "52:54:00:7a:00:01", "52:54:00:7a:00:02", "urn:kvmweb:test"
LIVE_DISK, SAVED_DISK = f"{POOLS['testvms']}/live.img", f"{POOLS['testvms']}/saved.img"
FILTERED = f"""<interface type='bridge'><mac address='{LIVE_MAC}'/><source bridge='br1'/><model type='virtio'/>
<rom enabled='no'/><filterref filter='{FILTER}'/></interface>"""
GRAPHICS = (
    "<graphics type='vnc' port='-1' autoport='yes' passwd='{}'><listen type='address' address='127.0.0.1'/></graphics>"
)
CLOCK = {"offset": "variable", "adjustment": "3600", "basis": "utc"}
SLOT = "<controller type='pci' model='pcie-root-port'/>"
TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
#: what only the running VM gets
LIVE = f"""
desc {NAME} --live --title live-title
desc {NAME} --live live-description
metadata {NAME} {SPACE} --key kvmweb --set <owner>live</owner> --live
setvcpus {NAME} 2 --live
setmem {NAME} 80000 --live
dommemstat {NAME} --period 7 --live
vcpupin {NAME} 0 0 --live
emulatorpin {NAME} 1 --live
iothreadadd {NAME} 4 --live
iothreadpin {NAME} 4 1 --live
blkdeviotune {NAME} vda --live --total-iops-sec 5000
domif-setlink {NAME} {MAC} down
set-lifecycle-action {NAME} reboot destroy --live
attach-disk {NAME} {LIVE_DISK} vdb --subdriver raw --cache none --live
"""
#: what no definition has
OUTSIDE = f"""
domblkthreshold {NAME} vda 1048576
iothreadset {NAME} 4 --poll-max-ns 5000 --live
migrate-setspeed {NAME} 77
qemu-monitor-command {NAME} --hmp info status
"""
SAVED = f"""
desc {NAME} --config --title saved-title
desc {NAME} --config saved-description
metadata {NAME} {SPACE} --key kvmweb --set <owner>saved</owner> --config
attach-disk {NAME} {SAVED_DISK} vdc --subdriver raw --cache none --config
autostart {NAME}
"""


@dataclass(frozen=True)
class Arrived:
    """What the destination has; `tpm` is the state of the TPM, before and after."""

    host: Host
    migration: dict[str, Any]
    live: ElementTree.Element
    saved: ElementTree.Element
    uuid: str
    tpm: tuple[str, str]

    def both(self, path: str) -> tuple[str | None, str | None]:
        return self.live.findtext(path), self.saved.findtext(path)

    def each(self, path: str, attribute: str) -> tuple[list[str | None], list[str | None]]:
        live, saved = ([one.get(attribute) for one in xml.iterfind(path)] for xml in (self.live, self.saved))
        return live, saved


@pytest.fixture(scope="module")
def arrived(lab: Lab, kvmweb: Serving) -> Iterator[Arrived]:
    lab.reset()
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    prepare(a)
    refresh_pools(list(lab.hosts.values()))
    for line in (LIVE + OUTSIDE + SAVED).split("\n"):
        if line:
            a.virsh(*line.split())
    device(a, "attach-device", FILTERED)
    device(a, "update-device", GRAPHICS.format("live-pw"))
    kvmweb.wait_for_hosts()
    kvmweb.wait_for_guest(NAME, "kvm-a", seconds=30)
    uuid = a.virsh("domuuid", NAME).strip()
    given = "balloon.current=80000"  # once the guest has started and its driver has given the memory back
    wait_until(lambda: given in a.virsh("domstats", NAME, "--balloon"), 60, "the guest has less memory")
    tpm = tpm_state(a, uuid)
    migration = kvmweb.wait_for_end(kvmweb.migrate(NAME, "kvm-b")["id"])
    assert migration["state"] == "done", migration
    yield Arrived(
        host=b,
        migration=migration,
        live=ElementTree.fromstring(b.virsh("dumpxml", NAME, "--security-info")),
        saved=ElementTree.fromstring(b.virsh("dumpxml", NAME, "--inactive", "--security-info")),
        uuid=uuid,
        tpm=(tpm, tpm_state(b, uuid)),
    )
    lab.reset()
    a.exec("rm", "-f", LIVE_DISK, SAVED_DISK)


def prepare(a: Host) -> None:
    """What only a start can change."""
    for path in (LIVE_DISK, SAVED_DISK):
        a.exec("truncate", "-s", "1M", path)
    a.virsh("destroy", NAME)
    domain = ElementTree.fromstring(a.virsh("dumpxml", NAME, "--inactive"))
    part(domain, "vcpu").text = "2"
    part(domain, "vcpu").set("current", "1")
    part(domain, "devices/interface/mac").set("address", MAC)
    part(domain, "clock").attrib.update(CLOCK)
    part(domain, "devices").extend(
        ElementTree.fromstring(xml) for xml in (GRAPHICS.format("saved-pw"), TPM, SLOT, SLOT)
    )
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    a.virsh("start", NAME)


def part(xml: ElementTree.Element, path: str) -> ElementTree.Element:
    found = xml.find(path)
    assert found is not None, path
    return found


def tpm_state(host: Host, uuid: str) -> str:
    return host.exec("base64", f"/var/lib/libvirt/swtpm/{uuid}/tpm2/tpm2-00.permall")


def device(host: Host, what: str, xml: str) -> None:
    host.exec("virsh", "-q", what, NAME, "/dev/stdin", "--live", stdin=xml)


def test_uuid_name_and_mac_addresses(arrived: Arrived) -> None:
    assert arrived.both("uuid") == (arrived.uuid, arrived.uuid)
    assert arrived.both("name") == (NAME, NAME)
    assert MAC in arrived.host.virsh("domiflist", NAME)


def test_title_and_description_of_both_definitions(arrived: Arrived) -> None:
    assert arrived.both("title") == ("live-title", "saved-title")
    assert arrived.both("description") == ("live-description", "saved-description")


def test_metadata_of_both_definitions(arrived: Arrived) -> None:
    assert arrived.both(f"metadata/{{{SPACE}}}owner") == ("live", "saved")


def test_disks_and_nics_of_only_one_definition(arrived: Arrived) -> None:
    disks, nics = arrived.each("devices/disk/target", "dev"), arrived.each("devices/interface/mac", "address")
    assert disks == (["vda", "vdb"], ["vda", "vdc"])
    assert nics == ([MAC, LIVE_MAC], [MAC])


def test_plugged_vcpus(arrived: Arrived) -> None:
    assert arrived.both("vcpu") == ("2", "2")
    assert arrived.each("vcpu", "current") == ([None], ["1"])
    assert len(arrived.host.virsh("vcpuinfo", NAME).split("VCPU:")) == 3


def test_pinning_and_iothreads(arrived: Arrived) -> None:
    virsh = arrived.host.virsh
    assert virsh("vcpupin", NAME, "--live").split()[:2] == ["0", "0"]
    assert virsh("emulatorpin", NAME, "--live").split()[-1] == "1"
    assert virsh("iothreadinfo", NAME).split()[-2:] == ["4", "1"]
    assert arrived.saved.find("cputune") is None


def test_balloon_and_period_of_its_statistics(arrived: Arrived) -> None:
    assert arrived.both("currentMemory") == ("80000", "98304")
    assert "balloon.current=80000" in arrived.host.virsh("domstats", NAME, "--balloon")
    assert arrived.each("devices/memballoon/stats", "period") == (["7"], [])


def test_io_limits(arrived: Arrived) -> None:
    assert "total_iops_sec : 5000" in arrived.host.virsh("blkdeviotune", NAME, "vda", "--live")


def test_link_state(arrived: Arrived) -> None:
    assert arrived.host.virsh("domif-getlink", NAME, MAC).split()[-1] == "down"


def test_lifecycle_actions(arrived: Arrived) -> None:
    assert arrived.both("on_reboot") == ("destroy", "restart")


def test_clock_offset(arrived: Arrived) -> None:
    assert arrived.each("clock", "adjustment") == (["3600"], ["3600"])


def test_graphics_password(arrived: Arrived) -> None:
    assert arrived.each("devices/graphics", "passwd") == (["live-pw"], ["saved-pw"])


def test_network_filter_binding(arrived: Arrived) -> None:
    (nic,) = (nic for nic in arrived.live.iterfind("devices/interface") if part(nic, "mac").get("address") == LIVE_MAC)
    assert [part(nic, "target").get("dev"), FILTER] in [
        line.split() for line in arrived.host.virsh("nwfilter-binding-list").splitlines()
    ]


def test_tpm_state(arrived: Arrived) -> None:
    """The TPM writes its state anew when it gets it; its seeds and keys are in it as before."""
    before, after = arrived.tpm
    assert before == after


def test_autostart(arrived: Arrived) -> None:
    assert arrived.host.virsh("dominfo", NAME).split("Autostart:")[1].split()[0] == "enable"


def test_what_stays_is_said(arrived: Arrived) -> None:
    said = [one for one in arrived.migration["findings"] if one["check"] == "runtime_settings"]
    assert [one["affects"] for one in said] == [f"VM {NAME}", "disk vda", "IOThread 4", f"VM {NAME}"]
    virsh = arrived.host.virsh
    assert "threshold" not in virsh("domstats", NAME, "--block")
    assert "poll-max-ns=32768" in virsh("domstats", NAME, "--iothread")
    assert virsh("migrate-getspeed", NAME).strip() == str(NO_LIMIT)
    assert "custom" not in virsh("dominfo", NAME)


CODE, VARS, TEMPLATE = (f"/var/lib/libvirt/qemu/nvram/kvmweb-{name}.fd" for name in ("code", "vars", "template"))
FIRMWARE_VM = f"""<domain type='qemu'><name>fw-01</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader readonly='yes' type='pflash'>{CODE}</loader>
<nvram template='{TEMPLATE}'>{VARS}</nvram></os><features><acpi/></features>
<devices><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"""


@pytest.fixture
def firmware_vm(fresh: Serving, lab: Lab) -> Iterator[str]:
    """Its firmware is blank: it does nothing, and runs. Returns the content of its variables."""
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    for host in (a, b):
        host.exec("truncate", "-s", "256K", CODE)
        host.exec("truncate", "-s", "128K", TEMPLATE)
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=FIRMWARE_VM)
    a.exec("dd", "if=/dev/urandom", f"of={VARS}", "bs=128K", "count=1", "status=none")
    b.exec("cp", TEMPLATE, VARS)
    a.virsh("start", "fw-01")
    fresh.wait_for_guest("fw-01", "kvm-a")
    yield a.exec("sha256sum", VARS)
    lab.reset()
    for host in (a, b):
        host.exec("rm", "-f", CODE, VARS, TEMPLATE)


def test_uefi_variables(fresh: Serving, lab: Lab, firmware_vm: str) -> None:
    b = lab.hosts["kvm-b"]
    assert b.exec("sha256sum", VARS) != firmware_vm
    migration = fresh.wait_for_end(fresh.migrate("fw-01", "kvm-b")["id"])
    assert migration["state"] == "done", migration
    assert b.exec("sha256sum", VARS) == firmware_vm


CONTROLLERS = {"cpu", "cpuacct", "memory", "cpuset"}


@pytest.fixture
def control_groups(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    """The lab's hosts have none. Here both get the machine's own, in which libvirt makes a group per VM."""
    for host in lab.hosts.values():
        restarted(host, f"{mounts(host)}; sed -i.kept '/^cgroup_controllers/d' /etc/libvirt/qemu.conf")
    fresh.wait_for_hosts()
    yield fresh
    for host in lab.hosts.values():
        host.virsh("destroy", NAME, check=False)
        restarted(
            host,
            "mv /etc/libvirt/qemu.conf.kept /etc/libvirt/qemu.conf; rmdir /sys/fs/cgroup/*/machine; umount -R /sys/fs/cgroup",
        )
    lab.reset()


def restarted(host: Host, meanwhile: str) -> None:
    host.kill_daemon("libvirtd")
    host.exec("sh", "-c", meanwhile)
    host.start_daemon("libvirtd")


def mounts(host: Host) -> str:
    """Commands: the same hierarchies as on the machine, each with the controllers that it has there."""
    lines = [line.split(":")[1] for line in host.exec("cat", "/proc/self/cgroup").splitlines()]
    found = [names for names in lines if CONTROLLERS & set(names.split(","))]
    if not found:
        return "mount -t cgroup2 none /sys/fs/cgroup"
    make = "mkdir /sys/fs/cgroup/{0}; mount -t cgroup -o {0} none /sys/fs/cgroup/{0}"
    return "; ".join(["mount -t tmpfs none /sys/fs/cgroup", *(make.format(names) for names in found)])


def test_limits_of_control_groups(control_groups: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    a.virsh("destroy", NAME)
    a.virsh("start", NAME)
    a.virsh("schedinfo", NAME, "--live", "cpu_shares=512", "vcpu_quota=90000")
    a.virsh("memtune", NAME, "--live", "--soft-limit", "262144")
    a.virsh("numatune", NAME, "--live", "--nodeset", "0")
    control_groups.wait_for_guest(NAME, "kvm-a")
    migration = control_groups.wait_for_end(control_groups.migrate(NAME, "kvm-b")["id"])
    assert migration["state"] == "done", migration["error"]
    scheduler = b.virsh("schedinfo", NAME, "--live").split()
    assert scheduler[scheduler.index("cpu_shares") :][2] == "512"
    assert scheduler[scheduler.index("vcpu_quota") :][2] == "90000"
    assert "soft_limit     : 262144" in b.virsh("memtune", NAME, "--live")
    assert b.virsh("numatune", NAME, "--live").split()[-1] == "0"
    assert ElementTree.fromstring(b.virsh("dumpxml", NAME, "--inactive")).find("memtune") is None


RESERVED = f"<host mac='{LIVE_MAC}' ip='192.168.190.5'/>"
NETWORK = """<network><name>lent</name><bridge name='br-lent'/><ip address='192.168.190.1' netmask='255.255.255.0'>
<dhcp><range start='192.168.190.100' end='192.168.190.200'/>{}</dhcp></ip></network>"""


def test_a_reserved_address_is_said(fresh: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    for host, entry in ((a, RESERVED), (b, "")):
        host.exec("virsh", "-q", "net-define", "/dev/stdin", stdin=NETWORK.format(entry))
        host.virsh("net-start", "lent")
    a.virsh("attach-interface", NAME, "network", "lent", "--mac", LIVE_MAC, "--model", "virtio", "--live")
    body = {"guest": fresh.guest(NAME)["uuid"], "target": "kvm-b"}

    def said() -> list[str]:
        report = fresh.preflight(body).body["findings"]
        return [one["severity"] for one in report if one["check"] == "dhcp_addresses"]

    assert said() == ["warning"]
    b.exec("virsh", "-q", "net-update", "lent", "add", "ip-dhcp-host", "/dev/stdin", "--live", stdin=RESERVED)
    assert said() == ["passed"]
