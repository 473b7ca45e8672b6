"""What a person may choose, and guests that are not simply running: each as libvirt on both hosts tells it afterwards."""

from __future__ import annotations

import pytest

from lab import Lab
from lab.host import Host
from tests.lab.leftovers import assert_moved, assert_unchanged, take
from tests.lab.serving import Serving, wait_until
from tests.lab.test_migration import SLOW, hurry, job_runs, running_on

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def info(host: Host, name: str) -> dict[str, str]:
    rows = (line.split(":", 1) for line in host.virsh("dominfo", name).splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in rows}


def test_a_paused_guest_moves_and_stays_paused(fresh: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    a.virsh("suspend", "web-01")
    fresh.wait_for_guest("web-01", "kvm-a", "paused")
    before = take(lab)
    migration = fresh.wait_for_end(fresh.migrate("web-01", "kvm-b")["id"])
    assert migration["state"] == "done", migration
    assert "paused" in migration["state_text"]
    assert b.domain_state("web-01") == "paused"
    assert "web-01" not in a.domains().values()
    b.virsh("resume", "web-01")
    assert_moved(lab, before, "web-01")


def test_a_transient_guest_stays_transient(fresh: Serving, lab: Lab) -> None:
    lab.hosts["kvm-a"].virsh("undefine", "web-01")
    wait_until(lambda: fresh.guest("web-01")["persistent"] is False, 20, "kvmweb sees that it is transient")
    before = take(lab)
    migration = fresh.wait_for_end(fresh.migrate("web-01", "kvm-b")["id"])
    assert migration["state"] == "done", migration
    assert info(lab.hosts["kvm-b"], "web-01")["Persistent"] == "no"
    assert_moved(lab, before, "web-01")


def test_the_definition_stays_at_the_source_on_request(fresh: Serving, lab: Lab) -> None:
    migration = fresh.wait_for_end(fresh.migrate("web-01", "kvm-b", undefine_source=False)["id"])
    assert migration["state"] == "done", migration
    assert lab.hosts["kvm-a"].domain_state("web-01") == "shut off"
    assert running_on(lab, "kvm-b", "web-01")
    # it is what libvirt would replace without a word by the way back
    uuid = fresh.wait_for_guest("web-01", "kvm-b")["uuid"]
    back = fresh.preflight({"guest": uuid, "target": "kvm-a"})
    assert "identity_free" in {f["check"] for f in back.body["findings"] if f["severity"] == "blocker"}, back.body


def test_the_guest_is_transient_at_the_target_on_request(fresh: Serving, lab: Lab) -> None:
    migration = fresh.wait_for_end(fresh.migrate("web-01", "kvm-b", persist=False, undefine_source=False)["id"])
    assert migration["state"] == "done", migration
    assert info(lab.hosts["kvm-b"], "web-01")["Persistent"] == "no"
    assert lab.hosts["kvm-a"].domain_state("web-01") == "shut off"


def test_the_longest_downtime_is_set_in_libvirt(fresh: Serving, lab: Lab) -> None:
    a = lab.hosts["kvm-a"]
    pk = fresh.migrate("web-01", "kvm-b", max_downtime_ms=1234, **SLOW)["id"]
    fresh.wait_for_copying(pk)
    wait_until(lambda: "1234" in a.virsh("migrate-getmaxdowntime", "web-01", check=False), 10, "libvirt has the limit")
    assert job_runs(lab, "kvm-a", "web-01")
    hurry(lab, "web-01")
    assert fresh.wait_for_end(pk)["state"] == "done"
    assert running_on(lab, "kvm-b", "web-01")


def test_unsafe_moves_what_libvirt_alone_would_refuse(fresh: Serving, lab: Lab) -> None:
    """A local disk of the same name at both ends, which nothing proves to be the same one: its own admin may know."""
    b = lab.hosts["kvm-b"]
    b.virsh("vol-create-as", "local", "build-01.qcow2", "64M", "--format", "qcow2")
    before = take(lab)
    safe = fresh.wait_for_end(fresh.migrate("build-01", "kvm-b")["id"])
    assert safe["state"] == "failed", safe
    assert "Migration without shared storage is unsafe" in str(safe["error"])
    assert "storage_shared" in {f["check"] for f in safe["findings"] if f["severity"] == "unknown"}
    assert_unchanged(lab, before)
    body = {"guest": fresh.guest("build-01")["uuid"], "target": "kvm-b", "options": {"unsafe": True}}
    answer = fresh.post("/migrations", {**body, "confirm": "build-01"}, token=fresh.admin_token)
    assert answer.status == 201, answer.body
    migration = fresh.wait_for_end(answer.body["id"])
    assert migration["state"] == "done", migration
    assert_moved(lab, before, "build-01")
    assert "unsafe" in fresh.journal(migration["id"])[0]["text"]
