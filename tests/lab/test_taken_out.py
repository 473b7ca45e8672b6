"""What is taken out of a running VM for its migration and put back, on real hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from hosts.gateway.port import GatewayError
from lab import Lab
from lab.host import Host
from tests.lab.discs import DRIVE, ISO, NAME, disc, in_drive, read_pools, with_disc
from tests.lab.doors import opener
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.fixture
def with_cd(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    with with_disc(fresh, lab) as serving:
        yield serving


def taken_out(migration: dict[str, Any]) -> dict[str, Any]:
    (one,) = migration["taken_out"]
    assert (one["kind"], one["name"], one["drive"]) == ("medium", f"CD {ISO}", "sda")
    return dict(one)


def differences(serving: Serving, migration: dict[str, Any]) -> list[Any]:
    return [entry for entry in serving.journal(migration["id"]) if "differences" in entry["body"]]


def test_a_cd_that_the_destination_lacks(with_cd: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    body = {"guest": with_cd.guest(NAME)["uuid"], "target": "kvm-b"}
    report = with_cd.preflight(body).body
    (finding,) = (f for f in report["findings"] if f["check"] == "disks_reachable")
    assert (report["verdict"], [fix["option"] for fix in finding["remedies"] if fix["option"]]) == (
        "blocked",
        ["eject"],
    )

    migration = with_cd.wait_for_end(with_cd.migrate(NAME, "kvm-b", eject=True)["id"])
    assert migration["state"] == "done", migration
    assert (in_drive(b), in_drive(b, "--inactive")) == (None, ISO)
    one = taken_out(migration)
    assert (one["state"], one["host"]) == ("left_out", "kvm-b")
    assert "tools.iso" in one["why"]
    assert one["what_to_do"] in migration["error"]["what_to_do"]
    assert differences(with_cd, migration) == []

    # what it says to do is what helps
    b.exec("truncate", "-s", "1M", ISO)
    command = one["what_to_do"].partition(" run: ")[2].partition(". ")[0]
    b.exec("sh", "-c", command)
    assert in_drive(b) == ISO

    # it is inserted where the image is: back on kvm-a, whose pool has not been read since it came back
    a.exec("rm", ISO)
    read_pools(lab)
    a.exec("truncate", "-s", "1M", ISO)
    with_cd.wait_for_guest(NAME, "kvm-b")
    back = with_cd.wait_for_end(with_cd.migrate(NAME, "kvm-a", eject=True)["id"])
    assert (back["state"], back["error"]) == ("done", None)
    assert (in_drive(a), in_drive(a, "--inactive"), taken_out(back)["state"]) == (ISO, ISO, "back")
    assert differences(with_cd, back) == []


def test_after_a_cancel_it_is_in_the_drive_again(fresh: Serving, lab: Lab) -> None:
    with disc(lab) as a:
        restart_with(a, DRIVE)  # one that has memory to copy
        migration = fresh.migrate("web-01", "kvm-b", eject=True, bandwidth_mib=1)
        fresh.wait_for_copying(migration["id"])
        assert in_drive(a, name="web-01") is None
        fresh.post(f"/migrations/{migration['id']}/cancel", {"reason": "wrong host"})
        ended = fresh.wait_for_end(migration["id"])
        assert ended["state"] == "cancelled"
        assert (taken_out(ended)["state"], taken_out(ended)["host"]) == ("back", "kvm-a")
        assert in_drive(a, name="web-01") == ISO


# --- devices: the lab's hosts have none that VMs can be given, so this is a NIC that libvirt plugs in -----------------

MAC = "52:54:00:7a:00:05"
NIC = f"<interface type='bridge'><mac address='{MAC}'/><source bridge='br1'/><model type='virtio'/></interface>"
TEAMED = NIC.replace("</interface>", "<teaming type='transient' persistent='ua-net0'/></interface>")
USB = "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1d6b'/><product id='0x0104'/></source></hostdev>"
SLOT = "<controller type='pci' model='pcie-root-port'/>"


def test_a_device_is_detached_from_and_attached_to_the_running_vm_alone(fresh: Serving, lab: Lab) -> None:
    a, uuid = lab.hosts["kvm-a"], fresh.guest("web-01")["uuid"]
    restart_with(a, SLOT, SLOT)
    with opener() as connect:
        parts = connect(a).parts
        parts.attach(uuid, NIC)
        assert (has_nic(a), has_nic(a, "--inactive")) == (True, False)
        parts.detach(uuid, NIC)
        wait_until(lambda: not has_nic(a), 30, "the VM has released its NIC")
        assert parts.look(uuid) == ()
        with pytest.raises(GatewayError, match=r"no device matching|not found"):
            parts.detach(uuid, NIC)
        with pytest.raises(GatewayError, match="USB"):
            parts.attach(uuid, USB)
        with pytest.raises(GatewayError, match="must be type='hostdev'"):
            parts.attach(uuid, TEAMED)


def restart_with(host: Host, *more: str) -> None:
    """web-01 with more devices, until its operating system runs: that releases devices, and has memory in use."""
    host.virsh("destroy", "web-01")
    domain = ElementTree.fromstring(host.virsh("dumpxml", "web-01", "--inactive"))
    devices = domain.find("devices")
    assert devices is not None
    devices.extend(map(ElementTree.fromstring, more))
    host.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    host.virsh("start", "web-01")
    host.virsh("setmem", "web-01", "80000", "--live")
    given = "balloon.current=80000"
    wait_until(lambda: given in host.virsh("domstats", "web-01", "--balloon"), 60, "its driver gave memory back")


def has_nic(host: Host, *flags: str) -> bool:
    return MAC in host.virsh("dumpxml", "web-01", *flags)
