"""Every pair of method and storage, the VM's state and an option, on real hosts. `make faults` runs it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hosts.facts.guest import RunState
from lab import Host, Lab, TickReceiver
from lab.guests import POOLS
from migrations_app.domain.kinds import KIND
from migrations_app.domain.options import OPTION
from tests.faults.pairs import LEFT_OUT, MIGRATION_ADDRESS, VALUES, Pairing, all_allowed, pairings
from tests.lab.serving import Serving

#: the path that the option disks gives
_PLACED = f"{POOLS['fast']}/pair.qcow2"
ON = {"shared": "web-01", "local": "build-01"}


def test_every_allowed_pair_is_tried() -> None:
    tried = {pair for pairing in pairings() for pair in pairing.pairs}
    assert tried == {pair for pairing in all_allowed() for pair in pairing.pairs}
    assert {pairing.way for pairing in pairings()} == {pairing.way for pairing in all_allowed()}
    assert len({pairing.name for pairing in pairings()}) == len(pairings())


def test_every_option_is_tried_or_left_out() -> None:
    assert (VALUES.keys() - {""}) | LEFT_OUT == OPTION.keys()
    assert {pairing.option for pairing in pairings()} == VALUES.keys()


@pytest.mark.lab
@pytest.mark.faults
@pytest.mark.timeout(300)
@pytest.mark.parametrize("pairing", [pytest.param(pairing, id=pairing.name) for pairing in pairings()])
def test_pair(pairing: Pairing, fresh: Serving, lab: Lab, ticks: TickReceiver) -> None:
    kind, name = KIND[pairing.way.kind], ON[pairing.way.storage]
    source, target = lab.hosts["kvm-a"], lab.hosts["kvm-a" if kind.same_host else "kvm-b"]
    uuid = fresh.guest(name)["uuid"]
    assert ticks.wait_for(name, since=time.monotonic(), timeout=20)
    bring(fresh, source, name, pairing.state)
    began = time.monotonic()
    options = {key: _real(value, target) for key, value in pairing.options.items()}
    migration = fresh.wait_for_end(fresh.migrate(name, target.name, kind=kind.kind, **options)["id"])
    if is_too_new(pairing, source):
        blockers = [each["check"] for each in migration["findings"] if each["severity"] == "blocker"]
        assert (migration["state"], blockers) == ("blocked", ["option_conflicts"]), migration
        return
    assert migration["state"] == "done", migration
    wanted = state_at_the_end(pairing)
    assert target.domains()[uuid] == options.get("new_name", name)
    assert target.virsh("domstate", uuid).strip() == wanted
    assert (_PLACED in target.virsh("dumpxml", uuid)) == ("disks" in options)
    assert f"on {target.name}" in migration["state_text"]
    if not kind.same_host:
        keeps = not options.get("undefine_source", True)
        assert (uuid in source.domains()) == keeps
        assert uuid not in source.virsh("list", "--uuid").split()
    if wanted == "running":
        assert ticks.wait_for(name, since=time.monotonic(), timeout=20)
    assert not ticks.ran_twice(name, began)


def bring(serving: Serving, host: Host, name: str, state: RunState) -> None:
    if state is RunState.RUNNING:
        return
    host.virsh("suspend" if state is RunState.PAUSED else "destroy", name)
    serving.wait_for_guest(name, host.name, "paused" if state is RunState.PAUSED else "shut off")


def state_at_the_end(pairing: Pairing) -> str:
    if pairing.state is RunState.SHUTOFF:
        return "running" if pairing.option == "start_after" else "shut off"
    paused = pairing.state is RunState.PAUSED or pairing.option == "keep_paused"
    return "paused" if paused else "running"


def is_too_new(pairing: Pairing, host: Host) -> bool:
    """Whether an option needs a newer libvirt than the lab's. kvmweb must say so, and not try."""
    said = host.virsh("version", "--daemon").rsplit("Running against daemon: ", 1)[1].strip()
    major, minor, micro = map(int, said.split("."))
    needed = (OPTION[name].since(value)[0] for name, value in VALUES[pairing.option].items())
    return max(needed, default=0) > 1_000_000 * major + 1_000 * minor + micro


def _real(value: Any, target: Host) -> Any:
    return target.migration_address if value == MIGRATION_ADDRESS else value
