"""A real guest agent (Debian's qemu-ga) behind a real libvirt: before the switchover, after it, and when it is silent."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from lab import GuestSpec, Lab
from lab.state import AGENT, NO_ONE
from migrations_app.worker.watch.felt import NO_ADDRESS
from tests.lab.serving import Serving, wait_until
from tests.lab.test_felt import probing
from tests.patience import PATIENCE

__all__ = ["probing"]

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
NAME = "agent-01"
#: its power button would do nothing for so long: it is the agent that shuts it down
SPEC = GuestSpec(NAME, "kvm-a", memory_mib=128, storage="", agent=AGENT, obeys_after_s=600)
BEHIND_S = 3600


def clock(lab: Lab, host: str) -> int | None:
    """The VM's, in seconds; None: no agent answers."""
    said = lab.hosts[host].virsh("domtime", NAME, check=False)
    return int(said.split()[-1]) if said.startswith("Time:") else None


def told(serving: Serving, pk: int) -> dict[str, tuple[str, str]]:
    """The results, once they are there."""

    def there() -> bool:
        return all(row["text"] != "Not tested yet." for row in serving.migration(pk)["arrival"])

    wait_until(there, 40, "the VM is tested", tell=serving.tail_of_log)
    return {row["test"]: (row["result"], row["text"]) for row in serving.migration(pk)["arrival"]}


def again(serving: Serving, pk: int, what: str) -> None:
    wait_until(lambda: serving.post(f"/migrations/{pk}/{what}").status == 202, 30, f"{what} is taken")  # not too often


def silence(lab: Lab, host: str) -> None:
    """The agent stops in the middle of its work, and its channel stays open. It answers no more, not even to this."""

    def ask(what: dict[str, Any]) -> str:
        """With a limit of its own: libvirt waits for an agent that has once answered as long as that likes."""
        return lab.hosts[host].virsh("qemu-agent-command", NAME, json.dumps(what), "--timeout", "1", check=False)

    ask({"execute": "guest-exec", "arguments": {"path": "/init", "arg": ["hang"]}})
    wait_until(lambda: "return" not in ask({"execute": "guest-ping"}), 30, "the agent hangs")


def migrated(serving: Serving, target: str, **how: Any) -> Any:
    migration = serving.wait_for_end(serving.migrate(NAME, target, **how)["id"])
    assert migration["state"] == "done", migration
    serving.wait_for_guest(NAME, target)
    return migration


def test_it_shuts_the_vm_down_tells_clock_and_address_and_sets_the_clock(probing: Serving, lab: Lab) -> None:
    made = lab.define_guest("kvm-a", SPEC)
    wait_until(lambda: clock(lab, "kvm-a") is not None, 60, "the agent answers")
    probing.wait_for_guest(NAME, "kvm-a")
    migrated(probing, "kvm-b", kind="stop_move_start", confirm=NAME)
    wait_until(lambda: clock(lab, "kvm-b") is not None, 60, "the agent answers after the boot")

    lab.hosts["kvm-b"].virsh("domtime", NAME, "--time", str(int(time.time()) - BEHIND_S))
    live = migrated(probing, "kvm-a", bandwidth_mib=16)
    found = told(probing, live["id"])
    assert {test: result for test, (result, _) in found.items()} == dict.fromkeys(found, "passed"), found
    assert set(found) == {"agent", "cpu", "address", "clock"}
    assert found["clock"][1].count("s behind") == 2  # it was wrong before, and is now; the migration did not do it
    assert live["felt"] is not None, live["felt_reason"]
    assert live["felt"]["address"] == made.address  # nobody gave it, and no lease has it

    again(probing, live["id"], "clock")
    wait_until(lambda: " s behind kvmweb" not in told(probing, live["id"])["clock"][1], 40, "the clock is right")
    assert told(probing, live["id"])["clock"][0] == "passed"
    assert abs((clock(lab, "kvm-a") or 0) - time.time()) < 30
    assert "kvmweb set the VM's clock to its own." in [row["text"] for row in probing.journal(live["id"])]

    silence(lab, "kvm-a")
    again(probing, live["id"], "arrival")
    wait_until(lambda: told(probing, live["id"])["agent"][0] == "failed", 40, "the agent is missed")
    assert "answered before the switchover" in told(probing, live["id"])["agent"][1]
    began = time.monotonic()
    silent = migrated(probing, "kvm-b")
    assert time.monotonic() - began < PATIENCE
    found = told(probing, silent["id"])
    assert (found["agent"][0], found["cpu"][0], found["clock"][0]) == ("unknown", "passed", "unknown")
    assert (silent["felt"], silent["felt_reason"]) == (None, NO_ADDRESS)


def test_a_channel_that_nobody_answers_at(probing: Serving, lab: Lab) -> None:
    lab.define_guest("kvm-a", replace(SPEC, agent=NO_ONE))
    probing.wait_for_guest(NAME, "kvm-a")
    migration = migrated(probing, "kvm-b")
    found = told(probing, migration["id"])
    assert found["agent"][0] == "unknown"
    assert found["agent"][1].startswith("The guest agent did not answer, neither before nor now: ")
    assert (migration["felt"], migration["felt_reason"]) == (None, NO_ADDRESS)
