"""Post-copy on real hosts: switched to by order; cut, noticed, paused and resumed, with the worker killed in between."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hosts.facts.runtime import NO_LIMIT
from lab import Lab
from lab.ticks import TickReceiver
from tests.lab.serving import Serving, wait_until
from tests.lab.test_orders import answered, order

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

#: MiB/s, also in post-copy: there is something left when the link is cut
SLOW = 3


@pytest.fixture
def ticks(lab: Lab) -> Iterator[TickReceiver]:
    with TickReceiver(*lab.ticks_address) as receiver:
        yield receiver


def switched(serving: Serving, lab: Lab, ticks: TickReceiver, name: str) -> int:
    """A migration of this VM that an order has switched."""
    assert ticks.wait_for(name, since=time.monotonic(), timeout=20)
    pk: int = serving.migrate(name, "kvm-b", post_copy=True, bandwidth_mib=SLOW)["id"]
    serving.wait_for_copying(pk)
    given = answered(serving, pk, order(serving, pk, "post_copy"))
    assert given["state"] == "applied", given
    serving.wait_for_state(pk, "post_copy")
    wait_until(lambda: reason(lab, "kvm-b", name) == "running (post-copy)", 20, "it runs on kvm-b")
    return pk


def reason(lab: Lab, host: str, name: str) -> str:
    """As libvirt says it; "" where the host does not have the VM."""
    return lab.hosts[host].virsh("domstate", "--reason", name, check=False).strip()


def hurry(lab: Lab, name: str) -> None:
    """Unless it has ended already."""
    lab.hosts["kvm-a"].virsh("migrate-setspeed", "--postcopy", name, str(NO_LIMIT), check=False)


def assert_it_lived(ticks: TickReceiver, name: str, since: float) -> None:
    assert ticks.wait_for(name, since=time.monotonic(), timeout=20)
    assert len(ticks.boots(name, since)) == 1
    assert not ticks.ran_twice(name, since)


def test_an_order_switches_a_vm_that_writes_all_the_time(fresh: Serving, lab: Lab, ticks: TickReceiver) -> None:
    since = time.monotonic()
    pk = switched(fresh, lab, ticks, "db-01")
    wait_until(lambda: "losing either host" in fresh.migration(pk)["state_text"], 20, "its price is said")
    offered = {one["what"]: one["allowed"] for one in fresh.get(f"/migrations/{pk}/controls").body["offered"]}
    assert {what for what, allowed in offered.items() if allowed} == {"pause_post_copy"}
    hurry(lab, "db-01")
    assert fresh.wait_for_end(pk)["state"] == "done"
    assert_it_lived(ticks, "db-01", since)
    assert reason(lab, "kvm-b", "db-01") == "running (migrated)"
    assert reason(lab, "kvm-a", "db-01") == ""


#: of 31 in a row one QEMU never answered again (docs/kinds.md), and no later test could have its VM: not for `make test`
@pytest.mark.faults
def test_a_cut_is_noticed_paused_and_resumed_by_another_worker(fresh: Serving, lab: Lab, ticks: TickReceiver) -> None:
    """The VM has no disk and gets no packets: where QEMU waits for memory itself, nobody can resume (docs/kinds.md)."""
    since = time.monotonic()
    pk = switched(fresh, lab, ticks, "web-01")
    lab.hosts["kvm-b"].link("mig", up=False)
    try:
        assert_said_in_time(fresh, lab, pk, "web-01", cut_at=datetime.now(UTC))
        # libvirt on both hosts has noticed nothing
        assert reason(lab, "kvm-a", "web-01") == "paused (post-copy)"
        assert reason(lab, "kvm-b", "web-01") == "running (post-copy)"
        given = answered(fresh, pk, order(fresh, pk, "pause_post_copy"))
        assert given["state"] == "applied", given
        shown = fresh.wait_for_state(pk, "post_copy_failed")
        assert not shown["terminal"]
        assert "Neither half may be resumed or destroyed" in shown["error"]["what_to_do"]
        assert reason(lab, "kvm-a", "web-01") == "paused (post-copy failed)"
        os.kill(fresh.owner_pid(pk), signal.SIGKILL)
        given = order(fresh, pk, "resume_post_copy")
    finally:
        lab.hosts["kvm-b"].link("mig", up=True)
    wait_until(lambda: is_applied(fresh, pk, given), 60, "it is resumed", tell=lambda: situation(fresh, lab, pk))
    hurry(lab, "web-01")
    ended = fresh.wait_for_end(pk)
    assert ended["state"] == "done", ended
    assert_it_lived(ticks, "web-01", since)
    assert len(fresh.owners(pk)) > 1


def is_applied(serving: Serving, pk: int, given: Any) -> bool:
    state: str = serving.get(f"/migrations/{pk}/orders/{given['id']}").body["state"]
    return state == "applied"


def situation(serving: Serving, lab: Lab, pk: int) -> str:
    shown, notes = serving.migration(pk), [one["text"] for one in serving.journal(pk) if one["kind"] != "progress"]
    hosts = [f"{name}: {reason(lab, name, 'web-01')}" for name in ("kvm-a", "kvm-b")]
    return "\n".join([f"{shown['state']}: {shown['state_text']}", *hosts, *notes])


def assert_said_in_time(serving: Serving, lab: Lab, pk: int, name: str, *, cut_at: datetime) -> None:
    """Within 10 s after the cut, and with the same number of seconds as virsh on the source would give."""
    sent, still_since = 0, cut_at
    said: list[tuple[datetime, int]] = []

    def is_said() -> bool:
        nonlocal sent, still_since
        if (now := sent_bytes(lab, name)) != sent:
            sent, still_since = now, datetime.now(UTC)
        said.extend(silences(serving, pk))
        return bool(said)

    wait_until(is_said, 30, "it is said", tell=serving.tail_of_log)
    said_at, seconds = said[0]
    assert (said_at - cut_at).total_seconds() < 10
    assert seconds == pytest.approx((said_at - still_since).total_seconds(), abs=2)
    assert sent_bytes(lab, name) == sent


def sent_bytes(lab: Lab, name: str) -> int:
    told = lab.hosts["kvm-a"].virsh("domjobinfo", name, "--rawstats")
    return int(re.search(r"^memory_processed: +(\d+)$", told, re.MULTILINE)[1])  # type: ignore[index]


def silences(serving: Serving, pk: int) -> list[tuple[datetime, int]]:
    """What the journal says of them: when, and how many seconds."""
    words = re.compile(r"No data has been transferred from kvm-a to kvm-b for (\d+) s")
    found = [(entry["time"], words.search(entry["text"])) for entry in serving.journal(pk)]
    return [(datetime.fromisoformat(at), int(match[1])) for at, match in found if match]
