"""A migration as libvirt is asked for it: libvirt's own names, without libvirt.

The gateway always adds VIR_MIGRATE_PEER2PEER: the migration must survive the end of kvmweb. TUNNELLED is not in the
list of flags, so nobody can ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hosts.facts.endpoint import PeerEndpoint
from hosts.facts.storage import DiskPlace


class Flag(StrEnum):
    """virDomainMigrateFlags, without their prefix VIR_MIGRATE_."""

    PERSIST_DEST = "PERSIST_DEST"
    UNDEFINE_SOURCE = "UNDEFINE_SOURCE"
    UNSAFE = "UNSAFE"
    ABORT_ON_ERROR = "ABORT_ON_ERROR"
    AUTO_CONVERGE = "AUTO_CONVERGE"
    COMPRESSED = "COMPRESSED"
    PAUSED = "PAUSED"
    PARALLEL = "PARALLEL"
    ZEROCOPY = "ZEROCOPY"
    POSTCOPY = "POSTCOPY"
    POSTCOPY_RESUME = "POSTCOPY_RESUME"
    TLS = "TLS"
    NON_SHARED_SYNCHRONOUS_WRITES = "NON_SHARED_SYNCHRONOUS_WRITES"


class Parameter(StrEnum):
    """Typed parameters: a number above 0, a text or several. Never disks_port: libvirt leaks it up to 10.0.

    Not every libvirt that kvmweb itself uses can ask for the two levels: see `HostConnection.can_ask`.
    """

    BANDWIDTH = "bandwidth"
    BANDWIDTH_POSTCOPY = "bandwidth.postcopy"
    AUTO_CONVERGE_INITIAL = "auto_converge.initial"
    AUTO_CONVERGE_INCREMENT = "auto_converge.increment"
    PARALLEL_CONNECTIONS = "parallel.connections"
    LISTEN_ADDRESS = "listen_address"
    COMPRESSION = "compression"
    ZLIB_LEVEL = "compression.zlib.level"
    ZSTD_LEVEL = "compression.zstd.level"
    XBZRLE_CACHE = "compression.xbzrle.cache"
    DETECT_ZEROES = "migrate_disks_detect_zeroes"
    DESTINATION_NAME = "destination_name"
    TLS_DESTINATION = "tls.destination"


Value = int | str | tuple[str, ...]


class PeerHelper(StrEnum):
    """What carries libvirt's bytes at the far end of an ssh connection between two hosts.

    libvirt's own choice, virt-ssh-helper, costs the reason of a failure: when the source closes the connection, the
    error of the closing replaces the real one ("End of file while reading data: : Input/output error").
    """

    AUTO = "auto"
    NETCAT = "netcat"
    NETCAT_MODULAR = "netcat to virtqemud"


#: what keeps the guest's definition alive: at the destination, and no longer at the source
KEEPS_ONE_DEFINITION = frozenset({Flag.PERSIST_DEST, Flag.UNDEFINE_SOURCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateCall:
    """One peer-to-peer migration. Raises ValueError for one that would lose the guest's definition or means nothing.

    `migration_address` becomes the migrate URI (`tcp://address`), "" lets libvirt choose. `copy_disks` are disk targets
    to copy over NBD (empty: storage is shared; an empty list would mean all to libvirt). `places`: those of them that
    the destination has elsewhere, in another format or without their backing images; its definitions say so (of an
    `offline` call: disks that were copied before). Without
    `live` libvirt pauses the guest before it copies memory, and resumes it at the destination, or here when it fails;
    while disks are copied the guest runs. `offline`: the definition of a guest that is shut off, instead of a guest
    that is active.
    """

    uuid: str
    peer: PeerEndpoint
    helper: PeerHelper = PeerHelper.AUTO
    migration_address: str = ""
    live: bool = True
    copy_disks: tuple[str, ...] = ()
    places: Mapping[str, DiskPlace] = field(default_factory=dict)
    flags: frozenset[Flag] = KEEPS_ONE_DEFINITION
    parameters: Mapping[Parameter, Value] = field(default_factory=dict)
    offline: bool = False

    def __post_init__(self) -> None:
        if Flag.UNDEFINE_SOURCE in self.flags and Flag.PERSIST_DEST not in self.flags:
            raise ValueError("undefine_source without persist: the guest's definition would be lost when it stops")
        if not all(self.copy_disks):
            raise ValueError("a disk to copy has no name")
        if not (self.offline or self.places.keys() <= set(self.copy_disks)):
            raise ValueError("a disk that is not copied stays where it is")
        for name, value in self.parameters.items():
            if not value or (isinstance(value, int) and value < 0):
                raise ValueError(f"{name} is a number above 0 or a text; leave it out for none")
        if self.offline:
            self._check_offline()

    def _check_offline(self) -> None:
        if Flag.PERSIST_DEST not in self.flags:
            raise ValueError("an offline migration always defines the guest at the destination")
        strange = self.parameters.keys() - {Parameter.DESTINATION_NAME}
        if self.copy_disks or strange or self.flags - KEEPS_ONE_DEFINITION:
            raise ValueError("an offline migration copies nothing but the definition")
