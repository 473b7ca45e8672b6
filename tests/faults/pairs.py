"""Which migrations try every pair: of method and storage, the VM's state, and an option. Only those that are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from types import MappingProxyType
from typing import Any

from hosts.facts.guest import RunState
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.options import OPTION
from migrations_app.domain.request import BadRequest, make_request

#: stands for the destination's address on the migration network
MIGRATION_ADDRESS = "192.0.2.1"
_PLACE = {"vda": {"pool": "fast", "name": "pair.qcow2"}}
_AUTO_CONVERGE, _PARALLEL = {"auto_converge": True}, {"parallel_connections": 2}

#: of each option one value that is not its default, with what it needs beside it
VALUES: Mapping[str, dict[str, Any]] = MappingProxyType({
    "": {},
    "persist": {"persist": False, "undefine_source": False},
    "undefine_source": {"undefine_source": False},
    "new_name": {"new_name": "pair & 1"},
    "disks": {"disks": _PLACE},
    "allow_overcommit": {"allow_overcommit": True},
    "post_copy": {"post_copy": True},
    "keep_paused": {"keep_paused": True},
    "start_after": {"start_after": True},
    "bandwidth_mib": {"bandwidth_mib": 50},
    "disk_bandwidth_mib": {"disk_bandwidth_mib": 50},
    "max_downtime_ms": {"max_downtime_ms": 1000},
    "abort_on_error": {"abort_on_error": True},
    "auto_converge": _AUTO_CONVERGE,
    "auto_converge_initial": {"auto_converge_initial": 30, **_AUTO_CONVERGE},
    "auto_converge_increment": {"auto_converge_increment": 20, **_AUTO_CONVERGE},
    "parallel_connections": _PARALLEL,
    "migration_address": {"migration_address": MIGRATION_ADDRESS},
    "listen_address": {"listen_address": MIGRATION_ADDRESS},
    "tls": {"tls": True},
    "tls_name": {"tls": True, "tls_name": "kvm-b"},
    "compressed": {"compressed": True},
    "compression": {"compression": "zstd", **_PARALLEL},
    "compression_level": {"compression": "zlib", "compression_level": 6, **_PARALLEL},
    "xbzrle_cache_mib": {"compression": "xbzrle", "xbzrle_cache_mib": 16},
    "sync_writes": {"sync_writes": True},
    "detect_zeroes": {"detect_zeroes": True},
    "detach": {"detach": True},
    "eject": {"eject": True},
})  # fmt: skip
#: each way copies disks or not by its method; the lab cannot lock memory for zero-copy; unsafe and a shutdown ask for a
#: confirmation
LEFT_OUT = frozenset({"copy_disks", "zerocopy", "unsafe", "shutdown_patience_s"})


@dataclass(frozen=True)
class Way:
    """A method and the storage of the VM's disk: "shared" or "local"."""

    kind: Kind
    storage: str

    @property
    def given(self) -> dict[str, Any]:
        """What the method needs for this storage."""
        if KIND[self.kind].same_host:
            return {"disks": _PLACE}
        return {"copy_disks": True} if KIND[self.kind].may_copy and self.storage == "local" else {}


WAYS = (
    Way(Kind.LIVE, "shared"),
    Way(Kind.LIVE_STORAGE, "local"),
    Way(Kind.SUSPENDED, "shared"),
    Way(Kind.SUSPENDED, "local"),
    Way(Kind.OFFLINE, "shared"),
    Way(Kind.OFFLINE_STORAGE, "local"),
    Way(Kind.STORAGE, "shared"),
    Way(Kind.STORAGE, "local"),
)
STATES = (RunState.RUNNING, RunState.PAUSED, RunState.SHUTOFF)


@dataclass(frozen=True)
class Pairing:
    """`option` is a key of VALUES."""

    way: Way
    state: RunState
    option: str

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.way.kind, self.way.storage, self.state, self.option))).replace(" ", "-")

    @property
    def options(self) -> dict[str, Any]:
        return {**self.way.given, **VALUES[self.option]}

    @property
    def allowed(self) -> bool:
        """By the method, the options and kvmweb's own check of a request."""
        if self.state not in KIND[self.way.kind].wants:
            return False
        if self.option and self.way.kind not in OPTION[self.option].kinds:
            return False
        if self.way.storage == "shared" and self.option in ("disks", "allow_overcommit"):
            return False
        try:
            make_request(guest="", target=0, kind=self.way.kind, options=self.options)
        except BadRequest:
            return False
        return True

    @property
    def pairs(self) -> frozenset[tuple[object, ...]]:
        return frozenset(combinations((self.way, self.state, self.option), 2))


def all_allowed() -> tuple[Pairing, ...]:
    every = (Pairing(way, state, option) for way in WAYS for state in STATES for option in VALUES)
    return tuple(pairing for pairing in every if pairing.allowed)


@cache
def pairings() -> tuple[Pairing, ...]:
    """As few as find every allowed pair by always taking the one with the most new pairs; the same ones each time."""
    left = list(all_allowed())
    wanted = frozenset().union(*(pairing.pairs for pairing in left))
    found = []
    while wanted:
        best = max(left, key=lambda pairing: len(pairing.pairs & wanted))
        found.append(best)
        wanted -= best.pairs
    return tuple(found)
