"""What is on the hosts, read by virsh and ss, not by kvmweb: a migration changes nothing but the guest's host."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab import Lab
from lab.bringup import in_parallel
from lab.host import Host
from tests.lab.serving import wait_until

POOLS = ("testvms", "local", "fast")
LIBVIRT_TCP, SSH = 16509, 22
_OF_A_DOMAIN = re.compile(r"/domain-\d+-(?P<name>[^/]+)/")


@dataclass(frozen=True)
class Inventory:
    """`sockets` are the listening ones, ports and paths; `sessions` counts who is connected to libvirtd and sshd."""

    domains: frozenset[str]
    running: frozenset[str]
    volumes: frozenset[str]
    jobs: frozenset[str]
    sockets: frozenset[str]
    sessions: Counter[str]

    def without(self, guest: str) -> Inventory:
        return replace(
            self,
            domains=self.domains - {guest},
            running=self.running - {guest},
            sockets=frozenset(socket for socket in self.sockets if not socket.startswith(f"{guest}: ")),
        )


Before = dict[str, Inventory]


def take(lab: Lab) -> Before:
    """When two readings agree: a recent connection may still be closing."""
    seen = _look(lab)
    for _ in range(20):
        time.sleep(0.3)
        before, seen = seen, _look(lab)
        if before == seen:
            break
    return seen


def _look(lab: Lab) -> Before:
    return dict(zip(lab.hosts, in_parallel(_take, list(lab.hosts.values())), strict=True))


def assert_unchanged(lab: Lab, before: Before) -> None:
    _assert_equal(lab, before)


def assert_moved(
    lab: Lab,
    before: Before,
    guest: str,
    *,
    source: str = "kvm-a",
    target: str = "kvm-b",
    copied: Sequence[str] = (),
) -> None:
    """The guest runs at the target and is unknown at the source, and nothing else is different on any host.

    `copied` are volumes (POOL/NAME) that are at the target, too, now; the source's are nobody's to delete.
    """
    was_here = before[source]
    gone = was_here.without(guest)
    here = before[target]
    there = replace(
        here,
        domains=here.domains | {guest},
        running=here.running | {guest},
        volumes=here.volumes | frozenset(copied),
        sockets=here.sockets | (was_here.sockets - gone.sockets),
    )
    _assert_equal(lab, {**before, source: gone, target: there})


def _assert_equal(lab: Lab, wanted: Before) -> None:
    """Connections may take a moment to be closed at both ends; a guest is where it is."""
    seen = _look(lab)
    for name, inventory in wanted.items():
        assert seen[name].running == inventory.running, name
        assert seen[name].domains == inventory.domains, name
    wait_until(lambda: _look(lab) == wanted, 20, "nothing is left over", tell=lambda: _difference(wanted, _look(lab)))


def _difference(wanted: Before, seen: Before) -> str:
    return "\n".join(
        f"{host} {field}: wanted {getattr(inventory, field)}, found {getattr(seen[host], field)}"
        for host, inventory in wanted.items()
        for field in ("volumes", "jobs", "sockets", "sessions")
        if getattr(inventory, field) != getattr(seen[host], field)
    )


def _take(host: Host) -> Inventory:
    running = _names(host.virsh("list", "--name"))
    jobs = frozenset(
        f"{name}: {line.strip()}"
        for name in running
        for line in host.virsh("domjobinfo", name).splitlines()
        if line.startswith("Job type:") and "None" not in line
    )
    volumes = frozenset(
        f"{pool}/{line.split()[0]}"
        for pool in POOLS
        for line in host.virsh("vol-list", pool, check=False).splitlines()
        if line.strip()
    )
    return Inventory(
        domains=_names(host.virsh("list", "--all", "--name")),
        running=running,
        volumes=volumes,
        jobs=jobs,
        sockets=_listening(host),
        sessions=_sessions(host),
    )


def _names(text: str) -> frozenset[str]:
    return frozenset(line.strip() for line in text.splitlines() if line.strip())


def _listening(host: Host) -> frozenset[str]:
    """Local addresses and paths; a path that has a domain's number in it is given by the domain's name."""
    found = set()
    for line in host.exec("ss", "-H", "-l", "-n", "-t", "-u", "-x").splitlines():
        address = line.split()[4]
        inside = _OF_A_DOMAIN.search(address)
        found.add(f"{inside['name']}: {address[inside.end() :]}" if inside else address)
    return frozenset(found)


def _sessions(host: Host) -> Counter[str]:
    sessions: Counter[str] = Counter()
    for line in host.exec("ss", "-H", "-n", "-t", "state", "established").splitlines():
        local, remote = (end.rsplit(":", 1) for end in line.split()[2:4])
        if int(local[1]) in (LIBVIRT_TCP, SSH):
            sessions[f"from {remote[0]} to {local[1]}"] += 1
        elif int(remote[1]) in (LIBVIRT_TCP, SSH):
            sessions[f"to {remote[0]} {remote[1]}"] += 1
    return sessions
