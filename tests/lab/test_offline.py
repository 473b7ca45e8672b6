"""Offline: the definition of a VM that is shut off migrates between real hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab
from lab.host import Host
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME = "web-01"


def definition(host: Host) -> str:
    return host.virsh("dumpxml", NAME, "--inactive", "--security-info")


def names(host: Host) -> list[str]:
    return host.virsh("list", "--all", "--name").split()


@pytest.fixture
def off(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    lab.hosts["kvm-a"].virsh("destroy", NAME)
    fresh.wait_for_guest(NAME, "kvm-a", "shut off")
    return fresh


def migrate(serving: Serving, **options: Any) -> Any:
    made = serving.migrate(NAME, "kvm-b", kind="offline", **options)
    return serving.wait_for_end(made["id"])


def blockers(migration: Any) -> list[str]:
    return [finding["check"] for finding in migration["findings"] if finding["severity"] == "blocker"]


def test_the_definition_is_the_same_on_the_destination(off: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    a.virsh("autostart", NAME)
    a.virsh("desc", NAME, "--config", "--title", "a title")
    a.virsh("metadata", NAME, "urn:kvmweb:test", "--key", "kvmweb", "--set", "<owner>me</owner>", "--config")
    before = definition(a)
    migration = migrate(off)
    assert migration["state"] == "done", migration
    assert migration["state_text"] == f"{NAME} is shut off on kvm-b."
    assert definition(b) == before
    assert (NAME in names(a), b.virsh("domstate", NAME).strip()) == (False, "shut off")
    assert "enable" in b.virsh("dominfo", NAME).split("Autostart:")[1].splitlines()[0]
    off.wait_for_guest(NAME, "kvm-b", "shut off")


def test_it_runs_on_the_destination_when_that_was_asked_for(off: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    migration = migrate(off, start_after=True)
    assert migration["state"] == "done", migration
    assert migration["state_text"] == f"{NAME} runs on kvm-b."
    assert (NAME in names(a), b.virsh("domstate", NAME).strip()) == (False, "running")
    off.wait_for_guest(NAME, "kvm-b", "running")


def test_the_source_may_keep_its_definition(off: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    migration = migrate(off, undefine_source=False)
    assert migration["state"] == "done", migration
    assert definition(a) == definition(b)


def test_a_running_vm_is_refused(fresh: Serving) -> None:
    migration = migrate(fresh)
    assert (migration["state"], blockers(migration)) == ("blocked", ["kind_applies"])


@pytest.fixture
def away(off: Serving, lab: Lab) -> Iterator[Serving]:
    """A host that nobody reaches is registered, and no longer afterwards: it blocks every VM that is shut off."""
    nobody = f"{lab.hosts['kvm-a'].address.rpartition('.')[0]}.250"  # in the lab's own network
    fields = {"name": "kvm-away", "transport": "tcp", "address": nobody, "peer_address": nobody}
    answer = off.post("/hosts", fields, token=off.admin_token)
    assert answer.status == 201, answer.body
    yield off
    off.as_admin(
        "from hosts.usecases.remove_host import remove_host; remove_host(Host.objects.get(name='kvm-away'), by=admin)"
    )


def test_a_host_that_is_away_blocks(away: Serving) -> None:
    migration = migrate(away)
    assert (migration["state"], blockers(migration)) == ("blocked", ["runs_nowhere"])
