"""What is on a host, read by virsh and ss and not by kvmweb: after a failed or cancelled move it must be as before."""

from __future__ import annotations

from dataclasses import dataclass

from lab.host import Host

POOLS = ("testvms", "local")


@dataclass(frozen=True)
class Inventory:
    domains: tuple[str, ...]
    running: tuple[str, ...]
    volumes: tuple[str, ...]
    jobs: tuple[str, ...]
    ports: tuple[object, ...]


def take(host: Host) -> Inventory:
    running = _names(host.virsh("list", "--name"))
    jobs = tuple(
        f"{name}: {line.strip()}"
        for name in running
        for line in host.virsh("domjobinfo", name).splitlines()
        if line.startswith("Job type:") and "None" not in line
    )
    volumes = tuple(
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
        ports=tuple(sorted(map(str, host.listening_ports()))),
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(sorted(line.strip() for line in text.splitlines() if line.strip()))
