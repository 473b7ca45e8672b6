"""The whole way over ssh: kvmweb to the hosts with its own key, and host to host with root's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import Lab
from lab.run import CommandFailed
from tests.lab.leftovers import assert_moved, take
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.fixture
def over_ssh(lab: Lab, tmp_path: Path) -> Iterator[Serving]:
    lab.reset()
    serving = Serving(lab, tmp_path, transport="ssh", peer="ssh")
    serving.prepare()
    serving.start()
    try:
        serving.register_hosts()
        serving.wait_for_guest("web-01", "kvm-a")
        yield serving
    finally:
        serving.stop()


def test_a_guest_moves_over_ssh(over_ssh: Serving, lab: Lab) -> None:
    host = next(host for host in over_ssh.items("/hosts") if host["name"] == "kvm-a")
    assert host["fingerprint"].startswith("SHA256:")
    report = over_ssh.preflight({"guest": over_ssh.guest("web-01")["uuid"], "target": "kvm-b"})
    assert report.status == 200
    assert [finding for finding in report.body["findings"] if finding["severity"] in ("blocker", "unknown")] == []
    before = take(lab)
    migration = over_ssh.wait_for_end(over_ssh.migrate("web-01", "kvm-b")["id"])
    assert migration["state"] == "done", migration
    assert_moved(lab, before, "web-01")
    for first in (report.body["forecast"], migration["forecast"]):  # no migration between these hosts was seen before
        assert (first["runs"], first["rate_from"], first["dirty_from"]) == (0, "nominal", "measured")
        assert first["rate_bps"] > 0 < first["first_bytes"]
        assert first["verdict"] in ("converges", "uncertain")
        assert 0 < first["downtime_low_ms"] < first["downtime_high_ms"]
    assert migration["downtime_ms"] is not None  # beside the forecast
    assert migration["progress"]["elapsed_ms"] >= 0


FIRMWARE = "/var/lib/libvirt/firmware"
CODE, VARS, TEMPLATE = f"{FIRMWARE}/code.fd", "/var/lib/libvirt/qemu/nvram/fw-01_VARS.fd", f"{FIRMWARE}/vars.fd"
XML = f"""<domain type='qemu'><name>fw-01</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><loader readonly='yes' type='pflash'>{CODE}</loader>
<nvram template='{TEMPLATE}'>{VARS}</nvram></os><features><acpi/></features>
<devices><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"""


@pytest.fixture
def firmware_vm(over_ssh: Serving, lab: Lab) -> Iterator[Serving]:
    """A VM with firmware and variables of its own, which both hosts have in the same sizes. They are blank: it does
    nothing, and runs."""
    for host in lab.hosts.values():
        host.exec("mkdir", "-p", FIRMWARE)
        host.exec("truncate", "-s", "256K", CODE)
        host.exec("truncate", "-s", "128K", TEMPLATE)
    a = lab.hosts["kvm-a"]
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=XML)
    a.virsh("start", "fw-01")
    over_ssh.wait_for_guest("fw-01", "kvm-a")
    yield over_ssh
    lab.reset()
    for host in lab.hosts.values():
        host.exec("rm", "-rf", FIRMWARE, VARS)


def test_firmware_of_another_size_is_told_and_refused_by_qemu(firmware_vm: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    move = ("migrate", "--live", "--p2p", "fw-01", f"qemu+ssh://{b.address}/system", f"tcp://{b.migration_address}")
    body = {"guest": firmware_vm.guest("fw-01")["uuid"], "target": "kvm-b"}
    for path, size, words in (
        (CODE, "512K", "The firmware of fw-01 is 256 KiB on kvm-a and 512 KiB on kvm-b: QEMU refuses that."),
        (VARS, "256K", "The file of UEFI variables of fw-01 is 128 KiB on kvm-a and 256 KiB on kvm-b"),
    ):
        b.exec("truncate", "-s", size, path)
        report = firmware_vm.preflight(body).body
        (finding,) = (f for f in report["findings"] if f["check"] == "firmware_size")
        assert (finding["severity"], finding["summary"].startswith(words)) == ("blocker", True), finding
        with pytest.raises(CommandFailed):
            a.virsh(*move)
        assert "Size mismatch" in b.exec("sh", "-c", "cat /var/log/libvirt/qemu/fw-01.log")
        b.exec("rm", "-f", "/var/log/libvirt/qemu/fw-01.log", VARS)
        b.exec("truncate", "-s", "256K", CODE)
    migration = firmware_vm.wait_for_end(firmware_vm.migrate("fw-01", "kvm-b")["id"])
    assert migration["state"] == "done", migration
    (finding,) = (f for f in migration["findings"] if f["check"] == "firmware_size")
    assert finding["severity"] == "passed"


ISO = "/var/lib/libvirt/images/cd.iso"
CD_XML = f"""<domain type='qemu'><name>cd-01</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
<devices><disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{ISO}'/>
<target dev='sda' bus='sata'/><readonly/></disk><memballoon model='none'/><controller type='usb' model='none'/></devices>
</domain>"""


@pytest.fixture
def cd_vm(over_ssh: Serving, lab: Lab) -> Iterator[Serving]:
    """A VM with a CD of 40 MiB, which both hosts have at the same path."""
    for host in lab.hosts.values():
        host.exec("truncate", "-s", "40M", ISO)
        host.virsh("pool-refresh", "local")
    a = lab.hosts["kvm-a"]
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=CD_XML)
    a.virsh("start", "cd-01")
    over_ssh.wait_for_guest("cd-01", "kvm-a")
    yield over_ssh
    lab.reset()
    for host in lab.hosts.values():
        host.exec("rm", "-f", ISO)
        host.virsh("pool-refresh", "local")


def test_a_cd_with_other_content_is_told_and_the_remedy_ejects_it(cd_vm: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    body = {"guest": cd_vm.guest("cd-01")["uuid"], "target": "kvm-b"}

    def judged() -> dict[str, Any]:
        (finding,) = (f for f in cd_vm.preflight(body).body["findings"] if f["check"] == "media_content")
        return dict(finding)

    assert judged()["severity"] == "passed"
    b.exec("dd", f"of={ISO}", "bs=1", "seek=41943039", "conv=notrunc", stdin="x")
    finding = judged()
    assert finding["severity"] == "blocker"
    assert "has other content on kvm-b, in an image of the same size" in finding["summary"]
    b.exec("truncate", "-s", "41M", ISO)
    assert "is 40 MiB on kvm-a and 41 MiB on kvm-b: it is another one" in judged()["summary"]
    by_kvmweb, by_hand = finding["remedies"][:2]
    assert (by_kvmweb["option"], by_kvmweb["command"]) == ("eject", "")
    a.exec("sh", "-c", by_hand["command"])
    assert judged()["severity"] == "passed"
    migration = cd_vm.wait_for_end(cd_vm.migrate("cd-01", "kvm-b")["id"])
    assert migration["state"] == "done", migration
