"""Which disks of a guest are copied, and which storage they lie on: the one rule for both."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from hosts.facts.endpoint import is_loopback
from hosts.facts.guest import Disk, GuestDefinition
from hosts.facts.storage import FOLDER_POOL_TYPES, SHARED_POOL_TYPES, Mount, Pool, Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.placement import Placement

#: of a file on the destination that is the disk the guest uses now, and of one that may be it
OWN_DISK = "This is the VM's own disk. Do not delete it."
MAYBE_OWN_DISK = "This may be the VM's own disk. Do not delete it."

#: drives whose medium can be changed
REMOVABLE = ("cdrom", "floppy")


def place(disk: Disk) -> str:
    """The key of `HostFacts.volumes`: path, "pool/volume" or network name."""
    if disk.path or disk.type == "network":
        return disk.path or disk.network_name
    return f"{disk.pool}/{disk.volume}" if disk.volume else ""


def folder(path: str) -> str:
    return posixpath.dirname(posixpath.normpath(path))


def pool_of(disk: Disk, pools: Iterable[Pool], volume: Volume | None) -> Pool | None:
    """The pool a disk lies in: by name when the disk or its volume says so, else by the path."""
    pools = tuple(pools)
    name = disk.pool or (volume.pool if volume else "")
    named = next((pool for pool in pools if name and pool.name == name), None)
    return named or (pool_over(disk.path, pools) if disk.path else None)


def pool_at(path: str, pools: Iterable[Pool]) -> Pool | None:
    """The pool with this folder; an active one before one that is not."""
    return next(iter(_pools_at(path, pools)), None)


def pool_over(path: str, pools: Iterable[Pool]) -> Pool | None:
    """The pool whose folder this path is in or below: it lists only what is right in it, but is mounted there."""
    return next(iter(_pools_over(path, pools)), None)


def _pools_at(path: str, pools: Iterable[Pool]) -> tuple[Pool, ...]:
    here = [pool for pool in pools if pool.target_path and _root(pool) == path]
    return tuple(sorted(here, key=lambda pool: not pool.active))


def _pools_over(path: str, pools: Iterable[Pool]) -> tuple[Pool, ...]:
    """All with the nearest folder: a mounted pool may have a plain one beside it."""
    pools, at = tuple(pools), folder(path)
    found = _pools_at(at, pools)
    below = tuple(pool for pool in pools if pool.type in FOLDER_POOL_TYPES)
    while not found and at not in ("", "/", "//"):
        at = posixpath.dirname(at)
        found = _pools_at(at, below)
    return found


def copy_destination(disk: Disk, path: str, pools: Iterable[Pool]) -> Pool | None:
    """Where a copy can be made: libvirt makes volumes right in a pool's folder only, and looks up a disk that is given
    by pool and volume under these names."""
    if disk.type == "volume":
        return next((pool for pool in pools if pool.name == disk.pool), None)
    return pool_at(folder(path), pools) if path else None


def placed(disk: Disk, placement: Placement | None) -> Disk:
    """The disk as the destination gets its copy. One that gets another pool is looked up there by pool and volume."""
    if placement is None:
        return disk
    name = placement.name or disk.volume or posixpath.basename(disk.path)
    flat = replace(disk, format=placement.format or disk.format, backing=(), backing_elsewhere=())
    if placement.pool or disk.type == "volume":
        return replace(flat, type="volume", path="", pool=placement.pool or disk.pool, volume=name)
    return replace(flat, path=posixpath.join(folder(disk.path), name))


def is_device(disk: Disk, volume: Volume | None) -> bool:
    """Whether it is a block device. `volume`: it as its pool has it, if that is known."""
    return disk.type == "block" or (disk.type == "volume" and volume is not None and volume.type == "block")


def images_of(disk: Disk) -> tuple[Disk, ...]:
    """The images that a disk builds on, each as if it were a disk of its own."""
    plain = replace(disk, type="file", pool="", volume="", readonly=True, shareable=False, format="", backing=())
    return tuple(replace(plain, path=path) for path in disk.backing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """What one host shows of the storage where a guest's disks are, or would be.

    `volumes` by `place`, `mounts` by folder, `files` by path: there, known not to be there, or Unknown.
    """

    pools: tuple[Pool, ...]
    volumes: Mapping[str, Volume | Unknown | None] = field(default_factory=dict)
    mounts: Mapping[str, Mount | Unknown] = field(default_factory=dict)
    files: Mapping[str, bool | Unknown] = field(default_factory=dict)

    def volume(self, disk: Disk) -> Volume | None:
        found = self.volumes.get(place(disk))
        return found if isinstance(found, Volume) else None

    def pool(self, disk: Disk) -> Pool | None:
        return pool_of(disk, self.pools, self.volume(disk))

    def path(self, disk: Disk) -> str:
        """Where this host has the disk, or looks for it: a volume in the pool of that name. "" when unknown."""
        if disk.path or disk.type != "volume":
            return disk.path
        if volume := self.volume(disk):
            return volume.path
        pool = self.pool(disk)
        in_folder = pool is not None and pool.target_path and pool.type in FOLDER_POOL_TYPES
        return posixpath.join(pool.target_path, disk.volume) if pool and in_folder else ""

    def mount(self, path: str) -> Mount | None:
        found = self.mounts.get(folder(path)) if path else None
        return found if isinstance(found, Mount) else None

    def pools_of(self, disk: Disk, path: str) -> tuple[Pool, ...]:
        """Its pool, and every other that has this folder."""
        own = self.pool(disk)
        return tuple(dict.fromkeys((*([own] if own else ()), *(_pools_over(path, self.pools) if path else ()))))


def folders_to_ask(disks: Iterable[Disk], here: Storage, there: Storage) -> tuple[list[str], list[str]]:
    """The folders of images on the source and on the destination whose storage their pools do not tell."""
    ours, theirs = [], []
    for disk in disks:
        for image in (disk, *images_of(disk)):
            path = here.path(image) if image.type in ("file", "volume") else ""
            if path and not path.startswith("/dev/") and not same_pool(image, here, there):
                ours.append(folder(path))
                theirs.append(folder(there.path(image) or path))
    return ours, theirs


def media_to_ask(disks: Iterable[Disk], here: Storage, there: Storage) -> tuple[list[str], list[str]]:
    """The paths of CD and floppy images on the source and on the destination that may be two different ones."""
    ours, theirs = [], []
    for disk in disks:
        path = here.path(disk) if disk.device in REMOVABLE and disk.type in ("file", "volume") else ""
        if path and not same_pool(disk, here, there):
            ours.append(path)
            theirs.append(there.path(disk) or path)
    return ours, theirs


class Sharing(Enum):
    """Whether two places are one storage."""

    PROVEN = auto()
    #: nothing shows that they are two, but nothing shows that they are one
    POSSIBLE = auto()
    NO = auto()


def sharing(disk: Disk, here: Storage, there: Storage) -> Sharing:
    """Whether what the destination has, or would get, for this disk is the disk itself. Mounts and pools prove that it
    is; that it is not shows only where the destination's file system lacks the file, or both have their own."""
    path = here.path(disk)
    there_path = there.path(disk) or path
    mount, other = here.mount(path), there.mount(there_path)
    if (mount and other and same_mount(mount, other)) or same_pool(disk, here, there):
        return Sharing.PROVEN
    own = mount is not None and other is not None and mount.shared is False and other.shared is False
    return Sharing.NO if own or there.files.get(there_path) is False else Sharing.POSSIBLE


def sharing_of_copy(disk: Disk, copy: Disk, here: Storage, there: Storage) -> Sharing:
    """Whether the place of a disk's copy is the disk itself: the same file of the same storage. A copy is a file."""
    path, other_path = here.path(disk), there.path(copy)
    if is_device(disk, here.volume(disk)) or posixpath.basename(path or disk.volume) != (
        copy.volume or posixpath.basename(copy.path)
    ):
        return Sharing.NO
    mount, other = here.mount(path), there.mount(other_path)
    pool = there.pool(copy)
    if (mount and other and same_mount(mount, other)) or (
        pool and any(same_source(one, pool) for one in here.pools_of(disk, path))
    ):
        return Sharing.PROVEN
    own = mount is not None and other is not None and mount.shared is False and other.shared is False
    return Sharing.NO if own or there.files.get(other_path) is False else Sharing.POSSIBLE


def same_pool(disk: Disk, here: Storage, there: Storage) -> Pool | None:
    """The destination's pool that is proven to be the storage of this disk, whatever it is called there."""
    path = here.path(disk)
    by_volume = disk.type == "volume"
    others = there.pools_of(disk, there.path(disk) or path)
    if by_volume and there.pool(disk) is None:
        others = (*others, *there.pools)
    for one in here.pools_of(disk, path):
        for other in others:
            if same_source(one, other) and (by_volume or _root(one) == _root(other)):
                return other
    return None


def same_source(one: Pool, other: Pool) -> bool:
    """Whether two pools are proven to be one: the same source of a server that both name. One server may have two
    names, so that other names leave it open.

    scsi and mpath pools are the devices that a host happens to see; their pools say nothing of which those are.
    """
    if one.type != other.type or one.type not in SHARED_POOL_TYPES or one.type in ("scsi", "mpath"):
        return False
    common = any(host in other.source_hosts and not _is_loopback(host) for host in one.source_hosts)
    hostless = one.type == "vstorage" and not one.source_hosts and not other.source_hosts
    return _source(one) == _source(other) and (common or hostless)


def same_mount(one: Mount, other: Mount) -> bool:
    """Whether two hosts' folders are proven to be one: the same export of the same server, at the same place in it."""
    return (
        bool(one.shared and other.shared and one.source)
        and (one.source, one.below) == (other.source, other.below)
        and not _is_loopback(one.source.partition(":/")[0])
        and not one.source.startswith("/dev/")
    )


def _is_loopback(host: str) -> bool:
    """Of "name", "name:port" or "[address]:port". Such a name leads every host to itself."""
    name, colon, port = host.rpartition(":")
    return is_loopback((name if colon and port.isdigit() and name.count(":") != 1 else host).strip("[]").lower())


def _root(pool: Pool) -> str:
    return posixpath.normpath(pool.target_path)


def _source(pool: Pool) -> tuple[object, ...]:
    return pool.source_dir, pool.source_name, pool.source_devices


def disks_to_copy(
    guest: GuestDefinition, wanted: bool | tuple[str, ...], here: Storage, there: Storage
) -> tuple[str, ...]:
    """The targets libvirt is told to copy. `wanted` True: all writable ones that are not proven to be on shared
    storage. Where that is open the disk is copied too, which never overwrites anything: the preflight says so."""
    if not isinstance(wanted, bool):
        return tuple(disk.target for disk in guest.disks if disk.target in wanted)
    return tuple(
        disk.target
        for disk in guest.disks
        if wanted and _copied_unasked(disk) and sharing(disk, here, there) is not Sharing.PROVEN
    )


def may_be_copied(disk: Disk) -> bool:
    """Whether a user may choose to copy it: libvirt copies neither what is empty nor what is read-only."""
    return not (disk.empty or disk.readonly or disk.type == "network")


def _copied_unasked(disk: Disk) -> bool:
    return may_be_copied(disk) and not disk.shareable
