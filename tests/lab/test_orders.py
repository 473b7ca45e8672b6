"""What a user changes while a real migration runs: seen in libvirt and at the wire, and put back at the source."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from hosts.facts.runtime import NO_LIMIT
from lab import Lab
from tests.lab.serving import Serving, wait_until
from tests.lab.wire import mib_per_second

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

#: MiB/s: slow enough to look, and to be told something
SLOW = 2


def order(serving: Serving, pk: int, what: str, value: int | None = None, *, status: int = 202, token: str = "") -> Any:
    answer = serving.post(f"/migrations/{pk}/orders", {"what": what, "value": value}, token=token)
    assert answer.status == status, answer.body
    return answer.body


def answered(serving: Serving, pk: int, given: Any, *, seconds: float = 20) -> Any:
    def now() -> Any:
        return serving.get(f"/migrations/{pk}/orders/{given['id']}").body

    done = ("applied", "refused")
    wait_until(lambda: now()["state"] in done, seconds, "the order is answered", tell=serving.tail_of_log)
    return now()


def controls(serving: Serving, pk: int) -> Any:
    return serving.get(f"/migrations/{pk}/controls").body["values"]


@pytest.fixture
def copying(fresh: Serving) -> int:
    pk: int = fresh.migrate("db-01", "kvm-b", bandwidth_mib=SLOW)["id"]
    fresh.wait_for_copying(pk)
    return pk


def speed(lab: Lab) -> int:
    return int(lab.hosts["kvm-a"].virsh("migrate-getspeed", "db-01"))


def test_a_bandwidth_is_kept_at_the_wire_and_put_back_after_a_cancel(copying: int, fresh: Serving, lab: Lab) -> None:
    """Also the one that the migration began with: libvirt would keep it for the VM's next migrations."""
    wait_until(lambda: controls(fresh, copying)["bandwidth_mib"] == SLOW, 10, "libvirt says the bandwidth of the call")
    given = answered(fresh, copying, order(fresh, copying, "bandwidth_mib", 4))
    assert (given["state"], given["requested"], given["read_back"]) == ("applied", 4, 4), given
    assert speed(lab) == 4
    assert controls(fresh, copying)["bandwidth_mib"] == 4
    assert mib_per_second(lab.hosts["kvm-a"], 4) == pytest.approx(4, rel=0.15)
    given = answered(fresh, copying, order(fresh, copying, "max_downtime_ms", 900))
    assert given["read_back"] == 900
    order(fresh, copying, "cancel")
    assert fresh.wait_for_end(copying)["state"] == "cancelled"
    assert speed(lab) == NO_LIMIT
    assert lab.hosts["kvm-a"].virsh("migrate-getmaxdowntime", "db-01").strip() == "300"


def test_finish_switches_over_although_the_vm_writes_faster(copying: int, fresh: Serving, lab: Lab) -> None:
    wait_until(lambda: (fresh.migration(copying)["progress"]["iteration"] or 0) > 1, 60, "it copies changed memory")
    progress = fresh.migration(copying)["progress"]  # read when the pass began
    assert 0 < progress["pass_remaining_bytes"] <= progress["total_bytes"], progress
    assert 0 < progress["pass_at_ms"] <= progress["elapsed_ms"], progress
    offered = {one["what"]: one for one in fresh.get(f"/migrations/{copying}/controls").body["offered"]}
    assert offered["finish"]["allowed"], offered
    assert "Pauses the VM for about" in offered["finish"]["consequence"]
    given = answered(fresh, copying, order(fresh, copying, "finish"))
    assert (given["state"], given["read_back"]) == ("applied", given["requested"]), given
    ended = fresh.wait_for_end(copying)
    assert ended["state"] == "done", ended
    assert ended["downtime_ms"] <= given["requested"] * 1.5
    assert lab.hosts["kvm-b"].virsh("domstate", "db-01").strip() == "running"
    order(fresh, copying, "finish", status=409)


def test_the_cache_is_set_and_what_two_users_ask_at_once_counts_in_order(fresh: Serving, lab: Lab) -> None:
    pk = fresh.migrate("db-01", "kvm-b", bandwidth_mib=SLOW, compression="xbzrle")["id"]
    fresh.wait_for_copying(pk)
    given = answered(fresh, pk, order(fresh, pk, "xbzrle_cache_mib", 128))
    assert (given["state"], given["read_back"]) == ("applied", 128), given
    assert "128.000 MiB" in lab.hosts["kvm-a"].virsh("migrate-compcache", "db-01")
    first = order(fresh, pk, "bandwidth_mib", 3)
    last = order(fresh, pk, "bandwidth_mib", 4, token=fresh.admin_token)
    assert [answered(fresh, pk, one)["state"] for one in (first, last)] == ["applied", "applied"]
    assert speed(lab) == 4
    said = [row["text"] for row in fresh.journal(pk)]
    assert any(text.startswith("olga") and "3 MiB/s" in text for text in said), said
    assert any(text.startswith("anna") and "4 MiB/s" in text for text in said), said
    order(fresh, pk, "cancel")
    fresh.wait_for_end(pk)
    assert speed(lab) == NO_LIMIT


def test_a_worker_killed_between_taken_and_applied(copying: int, fresh: Serving, lab: Lab) -> None:
    """libvirtd hangs, so that nothing is answered in between; the next worker carries the order out."""
    lab.hosts["kvm-a"].stop_daemon("libvirtd")
    try:
        given = order(fresh, copying, "bandwidth_mib", 6)
        wait_until(
            lambda: fresh.get(f"/migrations/{copying}/orders/{given['id']}").body["state"] == "taken", 20, "it is taken"
        )
        os.kill(fresh.owner_pid(copying), signal.SIGKILL)
    finally:
        lab.hosts["kvm-a"].cont_daemon("libvirtd")
    given = answered(fresh, copying, given)
    assert (given["state"], given["read_back"]) == ("applied", 6), given
    assert speed(lab) == 6
    order(fresh, copying, "cancel")
    assert fresh.wait_for_end(copying)["state"] == "cancelled"
