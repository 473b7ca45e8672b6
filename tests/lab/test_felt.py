"""What a probe feels of a switchover, beside the VM's own ticks."""

from __future__ import annotations

import ipaddress
import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab, TickReceiver
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def address_of(lab: Lab, name: str) -> str:
    return next(spec.address for spec in lab.state.guests if spec.name == name)


def arrival(serving: Serving, pk: int) -> dict[str, str]:
    """The results, once they are there."""

    def told() -> bool:
        return all(row["text"] != "Not tested yet." for row in serving.migration(pk)["arrival"])

    wait_until(told, 30, "the VM is tested", tell=serving.tail_of_log)
    return {row["test"]: row["result"] for row in serving.migration(pk)["arrival"]}


@pytest.fixture
def probing(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    """The network of the lab's VMs may be probed, and nothing else."""
    network = ipaddress.ip_network(f"{lab.ticks_address[0]}/24", strict=False)
    made = fresh.post("/probe-networks", {"cidr": str(network)}, token=fresh.admin_token)
    assert made.status == 201, made.body
    yield fresh
    assert fresh._call("DELETE", f"/probe-networks/{made.body['id']}", None, fresh.admin_token).status == 204
    fresh.patch(f"/guests/{fresh.guest('web-01')['uuid']}", {"probe_address": None})


def felt_and_heard(serving: Serving, lab: Lab, source: str, target: str, kind: str) -> tuple[Any, float]:
    """A migration of web-01, and the longest gap between its ticks, ms."""
    serving.wait_for_guest("web-01", source)
    with TickReceiver(*lab.ticks_address) as ticks:
        assert ticks.wait_for("web-01", since=time.monotonic(), timeout=20)
        since = time.monotonic()
        migration = serving.wait_for_end(serving.migrate("web-01", target, kind=kind)["id"])
        time.sleep(0.2)
        moments = [tick.arrived for tick in ticks.ticks("web-01", since)]
    assert migration["state"] == "done", migration
    return migration, max(later - earlier for earlier, later in itertools.pairwise(moments)) * 1000


def test_what_is_felt_agrees_with_the_vms_own_ticks(probing: Serving, lab: Lab) -> None:
    """Also when libvirt pauses the VM as soon as it is asked (Suspended): it is probed from the check on."""
    address = address_of(lab, "web-01")
    answer = probing.patch(f"/guests/{probing.guest('web-01')['uuid']}", {"probe_address": address})
    assert answer.body["probe_address"] == address
    places = ["kvm-a", "kvm-b"]
    for kind in ("live", "suspended"):
        seen = []
        # on a busy machine either of the two may read late; a fault of the probe would be there each time
        for _ in range(3):
            migration, hole = felt_and_heard(probing, lab, *places, kind)
            places.reverse()
            felt = migration["felt"]
            seen.append((kind, felt, migration["felt_reason"], hole, migration["downtime_ms"]))
            if felt is not None and abs(felt["longest_ms"] - hole) <= max(50, 0.2 * hole):
                break
        else:
            pytest.fail(f"felt, ticks, libvirt: {seen}")
        assert migration["felt_reason"] == ""
        assert (felt["address"], felt["sent"] > felt["lost"] >= 0) == (address, True)
    found = arrival(probing, migration["id"])
    assert found == {"cpu": "passed", "address": "passed", "clock": "unknown"}


def test_a_vm_that_cannot_be_tested_is_neither_passed_nor_failed(probing: Serving, lab: Lab) -> None:
    pk = probing.migrate("web-01", "kvm-b")["id"]
    assert probing.wait_for_end(pk)["state"] == "done"
    lab.hosts["kvm-b"].virsh("suspend", "web-01")
    assert arrival(probing, pk)["cpu"] in ("passed", "unknown")  # it was tested before, or not
    assert probing.post(f"/migrations/{pk}/arrival").status == 202
    wait_until(lambda: arrival(probing, pk)["cpu"] == "unknown", 30, "it is seen to be paused")
    lab.hosts["kvm-b"].virsh("resume", "web-01")
    assert probing.post(f"/migrations/{pk}/clock").status == 409


def test_it_is_null_with_a_reason_when_nothing_can_be_probed(probing: Serving, lab: Lab) -> None:
    uuid = probing.guest("web-01")["uuid"]
    unknown = probing.wait_for_end(probing.migrate("web-01", "kvm-b")["id"])
    assert (unknown["felt"], unknown["felt_reason"][:26]) == (None, "kvmweb knows no address of")
    probing.wait_for_guest("web-01", "kvm-b")
    probing.patch(f"/guests/{uuid}", {"probe_address": lab.machine_address})
    outside = probing.wait_for_end(probing.migrate("web-01", "kvm-a")["id"])
    assert outside["felt"] is None
    assert outside["felt_reason"] == f"{lab.machine_address}: not in a network that an admin named for probes."
