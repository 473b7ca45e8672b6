"""Storage pools and volumes as a host sees them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

#: Pool types whose content may be the same on several hosts; whether it is, their sources tell (`domain.disks`).
SHARED_POOL_TYPES = frozenset({"netfs", "rbd", "gluster", "iscsi", "iscsi-direct", "scsi", "mpath", "vstorage"})
#: Those of them that are mounted, and the other pool types that are a folder: what is below the folder is in the pool.
FOLDER_POOL_TYPES = frozenset({"dir", "fs", "netfs", "vstorage"})
#: Their volumes are block devices, which libvirt never takes for unsafe.
BLOCK_POOL_TYPES = frozenset({"logical", "disk", "zfs", "iscsi", "scsi", "mpath"})

#: File systems that libvirt takes for shared, as the kernel and as stat(1) call them.
SHARED_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ceph", "gfs2", "gfs/gfs2", "ocfs2", "afs", "gpfs", "acfs"}
    | {"fuse.glusterfs", "fuse.quobyte", "beegfs"}
)
#: File systems that one host has for itself. What is in neither list (fuse, lustre, 9p, ...) is not known.
LOCAL_FILE_SYSTEMS = frozenset(
    {"ext2", "ext3", "ext4", "ext2/ext3", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "nilfs2"}
    | {"tmpfs", "ramfs", "overlay", "overlayfs", "vfat", "msdos", "exfat", "ntfs", "ntfs3"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Sizes in bytes. `source` shows whether two pools are the same storage: host, directory, device, format."""

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
class Mount:
    """The file system of a folder on a host. `kind` as the kernel names it ("nfs4", "ext4", "fuse.glusterfs").

    `source` is what is mounted ("nas:/vms", "/dev/sda1"), `below` the folder's real path from the mount point on;
    both are "" when only the kind could be learned.
    """

    kind: str
    source: str = ""
    below: str = ""

    @property
    def shared(self) -> bool | None:
        """As libvirt judges the kind; None for one that we do not know."""
        if self.kind in SHARED_FILE_SYSTEMS:
            return True
        return False if self.kind in LOCAL_FILE_SYSTEMS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Qcow2:
    """How a qcow2 image is made, as far as libvirt can make one. `compat` is "0.10" or "1.1". Sizes in bytes."""

    compat: str = "1.1"
    cluster_size: int = 64 * 1024
    lazy_refcounts: bool = False
    extended_l2: bool = False

    def __str__(self) -> str:
        features = [name for name in ("lazy_refcounts", "extended_l2") if getattr(self, name)]
        return ", ".join((f"compat {self.compat}", f"clusters of {self.cluster_size} bytes", *features))


@dataclass(frozen=True, slots=True, kw_only=True)
class Qcow2Header:
    """What the header of a qcow2 image says. libvirt makes no volume with what follows `made`."""

    made: Qcow2
    refcount_bits: int = 16
    compression: str = "zlib"
    bitmaps: int = 0
    snapshots: int = 0
    data_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Sizes in bytes; `capacity` is the virtual size the guest sees. `qcow2` as of the pool's last refresh."""

    pool: str
    name: str
    path: str
    type: str
    format: str
    capacity: int
    allocation: int
    qcow2: Qcow2 | None = None
    #: the image that it builds on, as of that refresh too
    backing: str = ""

    @property
    def measured(self) -> bool:
        """Whether `allocation` says what it uses. Every image uses something; a raw file can be empty."""
        return self.allocation > 0 or self.format == "raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """What two files can be compared by. `digest` is that of samples of a large file."""

    size: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeIdentity:
    """What distinguishes a volume from another one of the same name. Seconds since 1970 by the host's clock.

    `file` is the file itself ("device:inode:birth"), "" where kvmweb cannot ask the host's file system. `modified` is
    the time of the last write, which for one and the same file only grows; 0.0 when libvirt did not say. `file_system`
    is the size of that of its folder: 0 when it lies in none, None when nobody asked. It is not the volume's own.
    """

    capacity: int
    format: str
    modified: float = 0.0
    file: str = ""
    file_system: int | None = field(default=None, compare=False)

    def may_be(self, earlier: VolumeIdentity) -> bool:
        """Whether this can be the volume that was `earlier`; without the file itself only a difference is proof."""
        if self.file and earlier.file:
            return self.file == earlier.file
        same = (self.capacity, self.format) == (earlier.capacity, earlier.format)
        return same and self.modified >= earlier.modified

    def same_place(self, earlier: VolumeIdentity) -> bool:
        """Whether it certainly lies where the volume that was `earlier` did: another file system may be mounted there
        now, with a file of that name that may be the disk of a VM."""
        if self.file and earlier.file:
            return self.file == earlier.file
        return self.file_system is not None and self.file_system == earlier.file_system

    def may_be_there(self, earlier: VolumeIdentity) -> bool:
        """Whether nothing says that another file system is mounted there now, for a volume that is not deleted: one of
        ZFS grows and shrinks a little with what its pool has free."""
        if self.file or not earlier.file_system:
            return True
        return self.file_system is not None and abs(self.file_system - earlier.file_system) * 16 <= earlier.file_system

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Of a volume's file, in bytes. A length of 0 goes to its end."""

    offset: int = 0
    length: int = 0


WHOLE = Part()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskPlace:
    """Where the destination has a copied disk: a volume that is there already."""

    path: str
    pool: str
    volume: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSpec:
    """A volume to make: sparse, exactly this virtual size. Without `qcow2`, libvirt chooses how an image is made."""

    pool: str
    name: str
    format: str
    capacity: int
    qcow2: Qcow2 | None = None
