"""What a probe feels of a switchover, beside the VM's own ticks."""

from __future__ import annotations

import ipaddress
import itertools
import time
from collections.abc import Iterator

import pytest

from lab import Lab, TickReceiver
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def address_of(lab: Lab, name: str) -> str:
    return next(spec.address for spec in lab.state.guests if spec.name == name)


@pytest.fixture
def probing(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    """The network of the lab's VMs may be probed, and nothing else."""
    network = ipaddress.ip_network(f"{lab.ticks_address[0]}/24", strict=False)
    made = fresh.post("/probe-networks", {"cidr": str(network)}, token=fresh.admin_token)
    assert made.status == 201, made.body
    yield fresh
    assert fresh._call("DELETE", f"/probe-networks/{made.body['id']}", None, fresh.admin_token).status == 204
    fresh.patch(f"/guests/{fresh.guest('web-01')['uuid']}", {"probe_address": None})


@pytest.mark.parametrize("kind", ["live", "suspended"])
def test_what_is_felt_agrees_with_the_vms_own_ticks(kind: str, probing: Serving, lab: Lab) -> None:
    address = address_of(lab, "web-01")
    answer = probing.patch(f"/guests/{probing.guest('web-01')['uuid']}", {"probe_address": address})
    assert answer.body["probe_address"] == address
    with TickReceiver(*lab.ticks_address) as ticks:
        assert ticks.wait_for("web-01", since=time.monotonic(), timeout=20)
        since = time.monotonic()
        # suspended: the pause is as long as the copy; live: long enough to be heard before the switchover
        pk = probing.migrate("web-01", "kvm-b", kind=kind, bandwidth_mib=16)["id"]
        migration = probing.wait_for_end(pk)
        time.sleep(0.2)
        moments = [tick.arrived for tick in ticks.ticks("web-01", since)]
    assert migration["state"] == "done", migration
    felt, hole = migration["felt"], max(later - earlier for earlier, later in itertools.pairwise(moments)) * 1000
    assert felt is not None, migration["felt_reason"]
    assert migration["felt_reason"] == ""
    assert (felt["address"], felt["sent"] > felt["lost"] >= 0) == (address, True)
    assert abs(felt["longest_ms"] - hole) <= max(50, 0.2 * hole), (felt, hole, migration["downtime_ms"])


def test_it_is_null_with_a_reason_when_nothing_can_be_probed(probing: Serving, lab: Lab) -> None:
    uuid = probing.guest("web-01")["uuid"]
    unknown = probing.wait_for_end(probing.migrate("web-01", "kvm-b")["id"])
    assert (unknown["felt"], unknown["felt_reason"][:26]) == (None, "kvmweb knows no address of")
    probing.wait_for_guest("web-01", "kvm-b")
    probing.patch(f"/guests/{uuid}", {"probe_address": lab.machine_address})
    outside = probing.wait_for_end(probing.migrate("web-01", "kvm-a")["id"])
    assert outside["felt"] is None
    assert outside["felt_reason"] == f"{lab.machine_address}: not in a network that an admin named for probes."
