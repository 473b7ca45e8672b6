"""The lab as tests and the command line use it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lab import bringup, guests, keys, reset, state
from lab.bringup import Wanted, in_parallel
from lab.host import Host
from lab.network import FIRST_GUEST, MACHINE, Plan
from lab.run import LabError
from lab.state import GuestSpec, LabState


class Lab:
    """A running lab. Get one with `Lab.up(...)` or `Lab.load(prefix)`."""

    def __init__(self, lab_state: LabState) -> None:
        self.state = lab_state
        self.prefix = lab_state.prefix
        self.hosts: dict[str, Host] = {host.name: Host(host) for host in lab_state.hosts}

    @classmethod
    def load(cls, prefix: str) -> Lab:
        """The running lab of that prefix. LabError when there is none, or one that is only half there."""
        known = state.load(state.check_prefix(prefix))
        if known is None or not known.hosts or not all(process.runs() for process in known.nodes()):
            raise LabError(none_runs(prefix))
        return cls(known)

    @classmethod
    def up(cls, wanted: Wanted, *, with_guests: bool = True) -> Lab:
        """Remove what is left of a lab with this prefix and of labs whose owner was killed, start a new one, return
        when its guests are heard. LabError when a lab of this prefix belongs to another process that runs."""
        state.check_prefix(wanted.prefix)
        _remove_abandoned()
        with state.locked(f"lab-{wanted.prefix}"):
            state.own(wanted.prefix)  # also before it is complete, so that it is removed if this process is killed
            bringup.remove(wanted.prefix)
            try:
                lab = cls(bringup.build(wanted))
                if with_guests:
                    lab._start_guests(guests.PROFILES[wanted.profile])
            except BaseException:
                _removed(wanted.prefix)  # also after Ctrl-C
                raise
            if not wanted.owned:
                state.disown(wanted.prefix)
        return lab

    def down(self) -> None:
        remove(self.prefix)

    def reset(self) -> None:
        """Put the initial guests back where and as they were, delete everything else, heal what a test broke."""
        with state.locked(f"lab-{self.prefix}"):
            reset.reset(self.state, list(self.hosts.values()), self.ticks_address)

    @property
    def ticks_address(self) -> tuple[str, int]:
        """Where the guests' ticks arrive on this machine: the arguments of TickReceiver."""
        return Plan(self.prefix, self.state.index).address("guest", MACHINE), guests.TICKS_PORT

    @property
    def machine_address(self) -> str:
        """This machine, as the hosts see it."""
        return Plan(self.prefix, self.state.index).address("mgmt", MACHINE)

    @property
    def private_key_path(self) -> Path:
        """ssh key that root, vmadmin and outsider of every host accept."""
        return keys.private_key_path(self.prefix)

    def define_guest(self, host: str, spec: GuestSpec, *, start: bool = True) -> GuestSpec:
        """Create a guest and its disk besides the initial ones, until the next `reset`.

        Returns it with uuid and address filled in.
        """
        taken = {guest.address for guest in self.state.guests}
        plan = Plan(self.prefix, self.state.index)
        free = (plan.address("guest", number) for number in range(FIRST_GUEST + 50, 250))
        address = next(address for address in free if address not in taken)
        spec = dataclasses.replace(spec, host=host, running=start and spec.running)
        complete = guests.completed(spec, prefix=self.prefix, address=address)
        reset.create_guest(self.hosts[host], complete, self.ticks_address)
        return complete

    def authorize_key(self, public_key_line: str) -> None:
        """Let an ssh key log in as any user of any host. Doing it twice does no harm."""
        line = public_key_line.strip()
        for host in self.hosts.values():
            for home in ("/root", "/home/vmadmin", "/home/outsider"):
                file = f"{home}/.ssh/authorized_keys"
                if line not in host.exec("cat", file).splitlines():
                    host.exec("tee", "-a", file, stdin=f"{line}\n")

    def shape(self, mbit: int | None) -> None:
        """Limit the migration network in all directions."""
        for host in self.hosts.values():
            host.shape(mbit)

    def where(self, name: str) -> list[str]:
        """The hosts on which a domain of that name is defined or runs."""
        return [host.name for host in self.hosts.values() if name in host.domains().values()]

    def status(self) -> dict[str, Any]:
        """What `lab status --json` prints."""
        address, port = self.ticks_address
        found = in_parallel(Host.domains, list(self.hosts.values()))
        places = {uuid: host for host, domains in zip(self.hosts, found, strict=True) for uuid in domains}
        return {
            "prefix": self.prefix,
            "profile": self.state.profile,
            "shared_storage": self.state.shared_storage,
            "fallback_reason": self.state.fallback_reason,
            "shape_mbit": self.state.shape_mbit,
            "ticks": {"address": address, "port": port},
            "hosts": [self._host_status(host) for host in self.hosts.values()],
            "guests": [
                {
                    "name": spec.name,
                    "uuid": spec.uuid,
                    "host": places.get(spec.uuid),
                    "home": spec.host,
                    "memory_mib": spec.memory_mib,
                    "address": spec.address,
                }
                for spec in self.state.guests
            ],
        }

    def _host_status(self, host: Host) -> dict[str, Any]:
        lines = host.virsh("version").splitlines()
        versions = {line.split(":")[0]: line.split()[-1] for line in lines if ":" in line}
        return {
            "name": host.name,
            "address": host.address,
            "migration_address": host.migration_address,
            "name_dns": host.name,
            "uuid": host.uuid,
            "suite": host.suite,
            "libvirt": versions.get("Using library"),
            "qemu": versions.get("Running hypervisor"),
            "ssh": {
                "user": "root",
                "port": 22,
                "private_key_path": str(self.private_key_path),
                "host_key": host.host_key,
            },
        }

    def _start_guests(self, specs: Iterable[GuestSpec]) -> None:
        plan = Plan(self.prefix, self.state.index)
        first = next(iter(self.hosts))
        complete = []
        for number, spec in enumerate(specs):
            spec = dataclasses.replace(spec, host=spec.host if spec.host in self.hosts else first)
            address = plan.address("guest", FIRST_GUEST + number)
            complete.append(guests.completed(spec, prefix=self.prefix, address=address))
        self.state.guests = complete
        state.save(self.state)
        reset.create_guests(list(self.hosts.values()), complete, self.ticks_address)


def none_runs(prefix: str) -> str:
    return f"no lab {prefix!r} runs; start it with: python3 -m lab up --prefix {prefix}"


def remove(prefix: str) -> bool:
    """`lab down`: remove the lab, or what a dead one left; returns whether there was anything.

    LabError when it belongs to another process that runs (`make demo`, tests), which would lose it in the middle of its
    work. Such a lab ends with its owner.
    """
    state.check_prefix(prefix)
    with state.locked(f"lab-{prefix}"):
        state.own(prefix)
        return _removed(prefix)


def _remove_abandoned() -> None:
    """Remove labs whose owner was killed. One that somebody is at work on is not abandoned."""
    for prefix in state.with_owner():
        with state.locked(f"lab-{prefix}", wait=False) as locked:
            if locked and state.take_over(prefix):
                _removed(prefix)


def _removed(prefix: str) -> bool:
    """Remove a lab that this process owns. If it is killed meanwhile, the next `up` continues."""
    there = bringup.remove(prefix)
    state.disown(prefix)
    return there
