"""A VM that uses a device is shut down by its button, migrates as a definition, and starts: on real hosts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from lab import Lab, TickReceiver
from tests.lab.serving import Serving
from tests.lab.test_what_travels import TPM, VARS, firmware_vm, part, tpm_state

__all__ = ["firmware_vm"]

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME = "web-01"


def stop(serving: Serving, name: str = NAME, *, confirm: bool = True, **options: Any) -> Any:
    body = {"guest": serving.guest(name)["uuid"], "target": "kvm-b", "kind": "stop_move_start", "options": options}
    return serving.post("/migrations", {**body, "confirm": name} if confirm else body)


@pytest.fixture
def ticks(lab: Lab) -> Iterator[TickReceiver]:
    with TickReceiver(*lab.ticks_address) as heard:
        yield heard


def test_it_shuts_down_and_runs_on_the_destination(fresh: Serving, lab: Lab, ticks: TickReceiver) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    refused = stop(fresh, confirm=False)
    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "confirm")
    assert "shut down on kvm-a" in refused.body["errors"][0]["message"]
    began = time.monotonic()
    assert ticks.wait_for(NAME, since=began, timeout=20)  # it has booted, and watches its button
    migration = fresh.wait_for_end(stop(fresh).body["id"])
    assert (migration["state"], migration["state_text"]) == ("done", f"{NAME} runs on kvm-b."), migration
    assert (NAME in a.domains().values(), b.virsh("domstate", NAME).strip()) == (False, "running")
    ended = time.monotonic()
    assert ticks.wait_for(NAME, since=ended, timeout=40)
    assert not ticks.ran_twice(NAME, began)
    assert 0 < migration["downtime_ms"] < (ended - began) * 1000
    assert migration["forecast"]["downtime_high_ms"] == 240_000
    assert "shutting_down" in [row["body"].get("state") for row in fresh.journal(migration["id"])]


DEAF = """<domain type='qemu'><name>deaf-01</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
<devices><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"""


@pytest.fixture
def deaf(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    """A VM without an operating system: nobody hears its power button."""
    a = lab.hosts["kvm-a"]
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=DEAF)
    a.virsh("start", "deaf-01")
    fresh.wait_for_guest("deaf-01", "kvm-a")
    yield fresh
    a.virsh("destroy", "deaf-01")
    a.virsh("undefine", "deaf-01")


def test_one_that_does_not_obey_runs_on(deaf: Serving, lab: Lab) -> None:
    migration = deaf.wait_for_end(stop(deaf, "deaf-01", shutdown_patience_s=10).body["id"])
    assert (migration["state"], migration["error"]["cause"]) == ("failed", "deaf-01 did not shut down within 10 s.")
    assert "It was asked to shut down and may still do so" in migration["state_text"]
    assert lab.hosts["kvm-a"].virsh("domstate", "deaf-01").strip() == "running"
    assert "deaf-01" not in lab.hosts["kvm-b"].domains().values()


def test_uefi_variables_and_the_state_of_a_tpm_are_carried(fresh: Serving, lab: Lab, firmware_vm: str) -> None:
    """Nobody in it hears the power button, so it is switched off as somebody at the host would."""
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    a.virsh("destroy", "fw-01")
    domain = ElementTree.fromstring(a.virsh("dumpxml", "fw-01", "--inactive"))
    part(domain, "devices").append(ElementTree.fromstring(TPM))
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    a.virsh("start", "fw-01")  # a TPM gets its keys at its first start
    fresh.wait_for_guest("fw-01", "kvm-a")
    uuid = a.virsh("domuuid", "fw-01").strip()
    definition, earlier = a.virsh("dumpxml", "fw-01", "--inactive"), b.exec("sha256sum", VARS).split()[0]
    pk = stop(fresh, "fw-01").body["id"]
    fresh.wait_for_state(pk, "shutting_down")
    a.virsh("destroy", "fw-01")
    before = tpm_state(a, uuid)
    migration = fresh.wait_for_end(pk)
    assert (migration["state"], migration["state_text"]) == ("done", "fw-01 runs on kvm-b."), migration
    assert b.virsh("dumpxml", "fw-01", "--inactive") == definition
    assert tpm_state(b, uuid) == before
    assert b.exec("sha256sum", VARS) == firmware_vm
    kept = f"{VARS}.before-migration-{pk}"
    assert b.exec("sha256sum", kept).split()[0] == earlier
    b.exec("rm", kept)
    assert "kvmweb-" not in a.virsh("pool-list", "--all") + b.virsh("pool-list", "--all")
