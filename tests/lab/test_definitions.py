"""What a VM's definition needs and the destination lacks: kvmweb says it, libvirt refuses, and both take it back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hosts.facts import capabilities_xml
from lab import Lab
from lab.guests import POOLS, stable_uuid
from lab.host import Host
from lab.reset import refresh_pools
from lab.run import CommandFailed
from tests.data import read
from tests.lab.serving import Serving, wait_until
from tests.patience import PATIENCE
from tests.unit.domain.destinations import equal, run_all
from tests.unit.domain.factories import with_target

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SHARED = POOLS["testvms"]
SECRET, FILTER, ADDRESS, PORT = "5f0e4b52-9a3e-4c54-8c57-0a2c6c1d7e11", "kvmweb-no-spoofing", "192.0.2.77", "5977"
IMAGE, BASE = f"{SHARED}/odd.img", f"{SHARED}/base.img"
#: 32 MiB and no operating system: its firmware is all that runs
VM = """
<domain type='qemu'>
  <name>{name}</name> <uuid>{uuid}</uuid> <memory unit='MiB'>32</memory> <vcpu {vcpu}>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os> <features><acpi/></features>
  <devices><controller type='usb' model='none'/>{devices}<memballoon model='none'/></devices> {rest}
</domain>
"""
NIC = "<interface type='bridge'><source bridge='br1'/><model type='virtio'/><rom enabled='no'/>{}</interface>"
DISK = (
    "<disk type='file' device='disk'><driver name='qemu' type='{}' cache='none'/>"
    "<source file='{}'>{}</source><target dev='vda' bus='virtio'/></disk>"
)
LUKS = f"<encryption format='luks'><secret type='passphrase' uuid='{SECRET}'/></encryption>"
SELINUX = (
    "<seclabel type='static' model='selinux' relabel='no'><label>system_u:system_r:svirt_t:s0:c1,c2</label></seclabel>"
)


def vm(lab: Lab, name: str, devices: str = "", *, vcpu: str = "", rest: str = "") -> str:
    return VM.format(name=name, uuid=stable_uuid(lab.prefix, name), devices=devices, vcpu=vcpu, rest=rest)


def define(host: Host, what: str, xml: str) -> None:
    host.exec("virsh", "-q", what, "/dev/stdin", stdin=xml)


def give_filter(host: Host) -> None:
    define(host, "nwfilter-define", f"<filter name='{FILTER}' chain='root'/>")


def give_secret(host: Host) -> None:
    define(host, "secret-define", f"<secret ephemeral='yes' private='no'><uuid>{SECRET}</uuid></secret>")
    host.exec("virsh", "-q", "secret-set-value", SECRET, "--file", "/dev/stdin", "--plain", stdin="password")


def give_address(host: Host) -> None:
    host.exec("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")


def image(lab: Lab, path: str, form: str, *options: str) -> None:
    lab.hosts["kvm-a"].exec("qemu-img", "create", "-q", "-f", form, *options, path, "1M")
    refresh_pools(list(lab.hosts.values()))


def luks_image(lab: Lab) -> None:
    """QEMU measures how fast the CPU is, and gives up when a coarse clock saw no time pass: then it is asked again."""
    options = ("--object", "secret,id=key,data=password", "-o", "key-secret=key,iter-time=10")
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            image(lab, IMAGE, "luks", *options)
            break
        except CommandFailed as failed:
            if "Unable to get accurate CPU usage" not in str(failed) or time.monotonic() > deadline:
                raise
    give_secret(lab.hosts["kvm-a"])


def port_taken(lab: Lab) -> None:
    define(lab.hosts["kvm-b"], "create", vm(lab, "odd-holder", f"<graphics type='vnc' port='{PORT}' autoport='no'/>"))


def vmdk_below(lab: Lab) -> None:
    image(lab, BASE, "vmdk")
    image(lab, IMAGE, "qcow2", "-b", BASE, "-F", "vmdk")


def qcow2_below(lab: Lab) -> None:
    """The same disk, and its backing image in a format that QEMU migrates."""
    lab.hosts["kvm-a"].virsh("destroy", "odd-vm")
    image(lab, BASE, "qcow2")
    image(lab, IMAGE, "qcow2", "-b", BASE, "-F", "qcow2")
    lab.hosts["kvm-a"].virsh("start", "odd-vm")


@dataclass(frozen=True)
class Case:
    """`check` says `words`, and libvirt `refusal`, until `mend`."""

    check: str
    words: str
    refusal: str
    devices: str
    prepare: Callable[[Lab], object]
    mend: Callable[[Lab], object]


CASES = {
    "nwfilter": Case(
        "network_filters",
        f"kvm-b does not have the network filter {FILTER}, which a NIC of odd-vm needs.",
        f"referenced filter '{FILTER}' is missing",
        NIC.format(f"<filterref filter='{FILTER}'/>"),
        lambda lab: give_filter(lab.hosts["kvm-a"]),
        lambda lab: give_filter(lab.hosts["kvm-b"]),
    ),
    "secret": Case(
        "secrets_present",
        f"kvm-b does not have the secret that odd-vm needs (UUID {SECRET}).",
        f"Secret not found: no secret with matching uuid '{SECRET}'",
        DISK.format("raw", IMAGE, LUKS),
        luks_image,
        lambda lab: give_secret(lab.hosts["kvm-b"]),
    ),
    "port": Case(
        "ports_free",
        f"Port {PORT}, which the vnc display of odd-vm needs, is in use on kvm-b.",
        f"Failed to reserve port {PORT}",
        f"<graphics type='vnc' port='{PORT}' autoport='no'/>",
        port_taken,
        lambda lab: lab.hosts["kvm-b"].virsh("destroy", "odd-holder"),
    ),
    "address": Case(
        "listen_addresses",
        f"The vnc display of odd-vm listens on {ADDRESS}, which is not an address of kvm-b.",
        "Cannot assign requested address",
        f"<graphics type='vnc' autoport='yes' listen='{ADDRESS}'/>",
        lambda lab: give_address(lab.hosts["kvm-a"]),
        lambda lab: give_address(lab.hosts["kvm-b"]),
    ),
    "backing-image": Case(
        "unmigratable",
        "odd-vm has an image of format vmdk: QEMU refuses to migrate it.",
        "does not support live migration",
        DISK.format("qcow2", IMAGE, ""),
        vmdk_below,
        qcow2_below,
    ),
}


@pytest.fixture
def over_ssh(lab: Lab, kvmweb_over_ssh: Serving) -> Iterator[Serving]:
    try:
        yield kvmweb_over_ssh
    finally:
        for host in lab.hosts.values():
            for name in ("odd-vm", "odd-holder"):
                host.virsh("destroy", name, check=False)
                host.virsh("undefine", name, check=False)
            host.virsh("nwfilter-undefine", FILTER, check=False)
            host.virsh("secret-undefine", SECRET, check=False)
            host.exec("ip", "address", "del", f"{ADDRESS}/32", "dev", "lo", check=False)
        lab.hosts["kvm-a"].exec("rm", "-f", IMAGE, BASE)
        # the next VM has the same UUID: kvmweb must not take it for this one
        wait_until(
            lambda: all(g["gone_since"] for g in kvmweb_over_ssh.items("/guests?q=odd-")), 30, "odd VMs are gone"
        )


def findings(serving: Serving) -> list[Any]:
    """The blockers. What could not be found out in time, on a busy machine, is asked again."""
    said: list[Any] = []

    def known() -> bool:
        answer = serving.preflight({"guest": serving.guest("odd-vm")["uuid"], "target": "kvm-b"})
        assert answer.status == 200, answer.body
        said[:] = [f for f in answer.body["findings"] if f["severity"] in ("blocker", "unknown")]
        return not any(f["severity"] == "unknown" for f in said)

    wait_until(known, 60, "all is found out", lambda: str(said))
    return said


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(CommandFailed) as failure:
        call()
    return failure.value.output


def migrate(lab: Lab) -> str:
    uri = "qemu+tcp://kvm-b/system"
    return lab.hosts["kvm-a"].virsh("migrate", "odd-vm", uri, "--live", "--persistent", "--undefinesource")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_missing_blocks_and_what_is_there_does_not(over_ssh: Serving, lab: Lab, case: Case) -> None:
    case.prepare(lab)
    define(lab.hosts["kvm-a"], "define", vm(lab, "odd-vm", case.devices))
    lab.hosts["kvm-a"].virsh("start", "odd-vm")
    over_ssh.wait_for_guest("odd-vm", "kvm-a")
    said = findings(over_ssh)
    assert [(f["check"], f["severity"], f["summary"]) for f in said] == [(case.check, "blocker", case.words)]
    assert case.refusal in refused(lambda: migrate(lab))
    case.mend(lab)
    over_ssh.wait_for_guest("odd-vm", "kvm-a")
    assert findings(over_ssh) == []
    migrate(lab)
    assert lab.where("odd-vm") == ["kvm-b"]


def rename(host: Host, name: str, new: str) -> None:
    """libvirt keeps what it has found out about a host until it starts again."""
    host.exec("mv", f"/usr/bin/{name}", f"/usr/bin/{new}")
    host.kill_daemon("libvirtd")
    host.start_daemon("libvirtd")


@pytest.fixture
def no_swtpm(lab: Lab) -> Iterator[Callable[[], None]]:
    """Takes the TPM emulator away from the destination, and hands out what brings it back."""
    host = lab.hosts["kvm-b"]
    rename(host, "swtpm", "swtpm.away")
    back = [lambda: rename(host, "swtpm.away", "swtpm")]
    try:
        yield lambda: back.pop()()
    finally:
        if back:
            back.pop()()


def test_a_tpm_needs_the_emulator(over_ssh: Serving, lab: Lab, no_swtpm: Callable[[], None]) -> None:
    xml = vm(lab, "odd-vm", "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>")
    define(lab.hosts["kvm-a"], "define", xml)
    over_ssh.wait_for_guest("odd-vm", "kvm-a", "shut off")

    def said() -> list[str]:
        return [f["summary"] for f in findings(over_ssh) if f["check"] == "device_models"]

    words = "QEMU on kvm-b has no TPM backend emulator, which odd-vm uses."
    wait_until(lambda: words in said(), 30, "kvm-b is connected again and kvmweb says it")
    assert "TPM" in refused(lambda: define(lab.hosts["kvm-b"], "create", xml))
    no_swtpm()
    wait_until(lambda: said() == [], 30, "kvm-b is connected again and kvmweb takes it back", lambda: str(said()))


def test_a_pin_names_a_cpu_that_the_host_has(over_ssh: Serving, lab: Lab) -> None:
    host = lab.hosts["kvm-a"]
    define(host, "define", vm(lab, "odd-vm", vcpu="cpuset='1777'"))
    over_ssh.wait_for_guest("odd-vm", "kvm-a", "shut off")
    said = [(f["severity"], f["summary"]) for f in findings(over_ssh) if f["check"] == "cpu_pinning"]
    assert said == [("blocker", "odd-vm is pinned to CPU 1777, which kvm-b does not have.")]
    assert "affinity" in refused(lambda: host.virsh("start", "odd-vm"))
    define(host, "define", vm(lab, "odd-vm", vcpu="cpuset='0'"))
    assert [f for f in findings(over_ssh) if f["check"] == "cpu_pinning"] == []


def test_a_host_without_selinux_refuses_its_labels(over_ssh: Serving, lab: Lab) -> None:
    """No lab host has SELinux: the label is that of a live definition from RHEL, judged against a real destination."""
    host = lab.hosts["kvm-b"]
    real = capabilities_xml.parse(host.virsh("capabilities"))
    facts = equal(read("ordinary/rhel9-selinux.live.xml"))
    seen = replace(facts.target.capabilities, security_models=real.security_models)  # type: ignore[type-var, arg-type]
    said = [f for f in run_all(with_target(facts, capabilities=seen)).findings if f.check == "security_driver"]
    assert [str(f.severity) for f in said] == ["blocker"]
    assert "label of the security driver selinux, which libvirt on kvm-b does not use" in said[0].summary
    refusal = refused(lambda: define(host, "create", vm(lab, "odd-vm", rest=SELINUX)))
    assert re.search("[Ss]ecurity driver .*model .*selinux", refusal), refusal
