"""A VM that gets another name on the destination, as virsh, the API and the VM's page show it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lab import Lab
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

LONG = "n" * 240


def names(lab: Lab, host: str, of: str) -> list[str]:
    """In the running and in the saved definition."""
    texts = [lab.hosts[host].virsh("dumpxml", of, *flags) for flags in ((), ("--inactive",))]
    return [ElementTree.fromstring(text).findtext("name", "") for text in texts]


def name_seen(serving: Serving, uuid: str) -> tuple[str, str]:
    guest = serving.get(f"/guests/{uuid}").body
    return guest["name"], guest["host"]


def test_a_running_vm_gets_its_new_name(fresh: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    a.virsh("autostart", "web-01")
    uuid = fresh.guest("web-01")["uuid"]
    migration = fresh.wait_for_end(fresh.migrate("web-01", "kvm-b", new_name="web new & 2")["id"])
    assert migration["state"] == "done", migration
    assert migration["state_text"] == "web-01 runs on kvm-b. Its name there is web new & 2."
    assert names(lab, "kvm-b", uuid) == ["web new & 2"] * 2
    assert uuid not in a.domains()
    assert "enable" in b.virsh("dominfo", uuid).split("Autostart:")[1].splitlines()[0]
    wait_until(lambda: name_seen(fresh, uuid) == ("web new & 2", "kvm-b"), 30, "kvmweb shows the new name")
    back = fresh.post("/migrations", {"guest": uuid, "target": "kvm-a", "options": {"new_name": "web-01"}})
    ended = fresh.wait_for_end(back.body["id"])
    assert ended["state"] == "done", ended
    assert names(lab, "kvm-a", uuid) == ["web-01"] * 2


def test_a_copied_disk_and_a_new_name_in_one_migration(fresh: Serving, lab: Lab) -> None:
    """The definition that places the disk has the old name: libvirt refuses another one there."""
    uuid = fresh.guest("build-01")["uuid"]
    options = {"new_name": "build-02", "disks": {"vda": {"pool": "fast"}}}
    ended = fresh.wait_for_end(fresh.migrate("build-01", "kvm-b", kind="live_storage", **options)["id"])
    assert ended["state"] == "done", ended
    assert names(lab, "kvm-b", uuid) == ["build-02"] * 2
    assert "/fast/" in lab.hosts["kvm-b"].virsh("domblklist", uuid)
    (copy,) = [one for one in fresh.items("/rollback-copies") if one["migration"] == ended["id"]]
    assert copy["vm"] == "build-02"


def test_a_vm_that_is_shut_off_is_started_under_its_new_name(fresh: Serving, lab: Lab) -> None:
    uuid = fresh.guest("old-01")["uuid"]
    made = fresh.migrate("old-01", "kvm-b", kind="offline", start_after=True, new_name=LONG)
    ended = fresh.wait_for_end(made["id"])
    assert ended["state"] == "done", ended
    assert names(lab, "kvm-b", uuid) == [LONG] * 2
    assert lab.hosts["kvm-b"].domain_state(uuid) == "running"
    assert uuid not in lab.hosts["kvm-a"].domains()


def test_a_name_that_another_vm_has_blocks(fresh: Serving, lab: Lab) -> None:
    b = lab.hosts["kvm-b"]
    b.exec("virsh", "-q", "define", "/dev/stdin", stdin=TAKEN)
    try:
        ended = fresh.wait_for_end(fresh.migrate("web-01", "kvm-b", new_name="taken")["id"])
        assert ended["state"] == "blocked", ended
        assert "kvm-b already has another VM named taken" in ended["state_text"]
    finally:
        b.virsh("undefine", "taken")


TAKEN = """<domain type='qemu'><name>taken</name><memory unit='MiB'>32</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>"""
