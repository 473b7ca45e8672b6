"""Storage pools and volumes as a host sees them."""

from __future__ import annotations

from dataclasses import dataclass

#: Pool types whose content is the same on every host that has the pool with the same source.
SHARED_POOL_TYPES = frozenset({"netfs", "rbd", "gluster", "iscsi", "iscsi-direct", "scsi", "mpath", "vstorage"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Sizes in bytes. `source` tells whether two pools are the same storage: host, directory, device, format."""

    name: str
    uuid: str
    type: str
    target_path: str
    active: bool
    autostart: bool
    capacity: int
    allocation: int
    available: int
    source_hosts: tuple[str, ...] = ()
    source_dir: str = ""
    source_name: str = ""
    source_devices: tuple[str, ...] = ()
    source_format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Sizes in bytes; `capacity` is the virtual size the guest sees."""

    pool: str
    name: str
    path: str
    type: str
    format: str
    capacity: int
    allocation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSpec:
    """A volume to make: sparse, exactly this virtual size."""

    pool: str
    name: str
    format: str
    capacity: int
