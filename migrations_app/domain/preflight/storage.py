"""Disks, volumes and pools as the checks look at them."""

from __future__ import annotations

import posixpath

from hosts.facts.guest import STORED, Disk
from hosts.facts.storage import FileContent, Mount, Pool, Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import (
    MAYBE_OWN_DISK,
    OWN_DISK,
    REMOVABLE,
    Sharing,
    Storage,
    copy_destination,
    disks_to_copy,
    folder,
    place,
    placed,
    pool_at,
    same_pool,
    sharing,
    sharing_of_copy,
)
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.option_parts import TAKE_OUT_KINDS
from migrations_app.domain.preflight.check import Remedy, Severity
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.facts.host import HostFacts
from migrations_app.domain.preflight.shared import guest_of, known, remedy, size, stays, takes_out
from migrations_app.domain.virsh import virsh

#: what every check about disks needs
NEEDS = ("guest.definition", "source.pools", "target.pools", "source.volumes", "target.volumes")


def here(facts: Facts) -> Storage:
    """The source's. Raises NotKnown."""
    return Storage(
        pools=known(facts.source.pools, "source.pools"),
        volumes=known(facts.source.volumes, "source.volumes"),
        mounts={} if isinstance(facts.source.mounts, Unknown) else facts.source.mounts,
    )


def there(facts: Facts) -> Storage:
    """The destination's. Raises NotKnown."""
    return Storage(
        pools=known(facts.target.pools, "target.pools"),
        volumes=known(facts.target.volumes, "target.volumes"),
        mounts={} if isinstance(facts.target.mounts, Unknown) else facts.target.mounts,
        files={} if isinstance(facts.target.files, Unknown) else facts.target.files,
    )


def copied_disks(facts: Facts) -> tuple[str, ...]:
    """The targets of the disks that this request copies, also of those the guest does not have. Raises NotKnown."""
    options = facts.request.options
    if stays(facts):
        return tuple(options.disks)
    wanted = options.copy_disks
    if isinstance(wanted, tuple):
        return wanted
    return disks_to_copy(guest_of(facts), wanted, here(facts), there(facts)) if wanted else ()


def new_place(facts: Facts, disk: Disk) -> Disk:
    """The disk as the destination gets it: the same, or at the place that the request has for its copy. The images
    that a disk builds on have its target, and no place of their own."""
    options = facts.request.options
    placement = options.disks.get(disk.target)
    return placed(disk, placement) if placement and guest_of(facts).disk(disk.target) == disk else disk


def disks_in_place(facts: Facts) -> tuple[Disk, ...]:
    """The disks with something in them that the destination must open where the source has them.

    Without those whose place is not known (nvme, vhostuser, ...): they have a check of their own.
    """
    gone = {*copied_disks(facts), *ejected(facts)}
    judged = (disk for disk in guest_of(facts).disks if disk.type in (*STORED, "network"))
    return tuple(disk for disk in judged if not disk.empty and disk.target not in gone)


def source_volume(facts: Facts, disk: Disk) -> Volume | Unknown | None:
    return here(facts).volumes.get(place(disk))


def target_volume(facts: Facts, disk: Disk) -> Volume | Unknown | None:
    return there(facts).volumes.get(place(new_place(facts, disk)))


def source_pool(facts: Facts, disk: Disk) -> Pool | None:
    return here(facts).pool(disk)


def target_pool(facts: Facts, disk: Disk) -> Pool | None:
    """The pool of the destination that this disk's path is in or below, or of its name when it is given by pool."""
    return there(facts).pool(new_place(facts, disk))


def target_path(facts: Facts, disk: Disk) -> str:
    """Where the destination has the disk or its copy would be made, as far as that is known; else where it is now."""
    new = new_place(facts, disk)
    return there(facts).path(new) or ("" if new is not disk else here(facts).path(disk))


def copy_pool(facts: Facts, disk: Disk) -> Pool | None:
    return copy_destination(new_place(facts, disk), target_path(facts, disk), known(facts.target.pools, "target.pools"))


def mounts_of(facts: Facts, disk: Disk) -> tuple[Mount | None, Mount | None]:
    """The file system of the disk's folder on the source and on the destination; None where kvmweb cannot tell."""
    one, other = here(facts), there(facts)
    return one.mount(one.path(disk)), other.mount(target_path(facts, disk))


def shared(facts: Facts, disk: Disk) -> Sharing:
    """Whether both hosts have one storage where this disk is: the same rule chooses the disks to copy."""
    new = new_place(facts, disk)
    if stays(facts):
        same = place(new) == place(disk) or target_path(facts, disk) == here(facts).path(disk)
        return Sharing.PROVEN if same else Sharing.NO
    if new is not disk:
        return sharing_of_copy(disk, new, here(facts), there(facts))
    return sharing(disk, here(facts), there(facts))


def same_storage(facts: Facts, disk: Disk) -> str:
    """The name of the destination's pool with the very storage of a disk, "" when none is proven to be that."""
    one, other = here(facts), there(facts)
    found = same_pool(disk, one, other)
    if found is None and shared(facts, disk) is Sharing.PROVEN:  # by their mounts
        found = pool_at(folder(one.path(disk)), other.pools)
    return found.name if found else ""


def in_the_way(facts: Facts, disk: Disk) -> bool:
    """Whether the destination is seen to have a file or volume where this disk is, or its copy would be."""
    other = there(facts)
    return other.files.get(target_path(facts, disk)) is True or other.volume(new_place(facts, disk)) is not None


def whose(facts: Facts, disk: Disk) -> str:
    """Of what the destination has there: what everybody must know before touching it. "" when it is another file."""
    return {Sharing.PROVEN: OWN_DISK, Sharing.POSSIBLE: MAYBE_OWN_DISK, Sharing.NO: ""}[shared(facts, disk)]


def own_place(facts: Facts, disk: Disk, path: str) -> tuple[str, Remedy | None]:
    """Of a disk whose copy would be the disk itself, and what helps, if that is another place."""
    if stays(facts):
        return f"Disk {disk.target} is already at {path}.", remedy("Choose another pool or another name.")
    one = f"{facts.source.name} and {facts.target.name} share the storage of disk {disk.target}"
    return f"{one}; the copy would overwrite it. {OWN_DISK}", None


def stranger(facts: Facts, path: str) -> tuple[str, Remedy]:
    """What is known of a file on the destination that is not this disk, and what helps."""
    if path in facts.rollback_copies:
        fix = f"Delete the rollback copy on {facts.target.name} (page Rollback copies), or choose another place."
        return "It is the rollback copy of an earlier migration.", remedy(fix)
    return "It may be another VM's disk.", remedy("Choose another place for the copy.")


def start_pool(facts: Facts, pool: Pool) -> Remedy:
    return remedy(f"Start pool {pool.name}.", run=virsh("pool-start", pool.name), on=facts.target.name)


def open_question(facts: Facts, disk: Disk) -> str:
    source, target = facts.source.name, facts.target.name
    return f"kvmweb cannot tell whether {source} and {target} share the storage of disk {disk.target}."


def seen(facts: Facts, disk: Disk) -> bool | None:
    """Whether libvirt finds the disk on the destination: True, False when it is known to be missing, None when kvmweb
    cannot tell."""
    source, target = source_pool(facts, disk), target_pool(facts, disk)
    if there(facts).files.get(target_path(facts, disk)) is False:
        return False  # the file system knows better than a pool that was read some time ago
    if disk.type == "volume":  # libvirt takes it from the list of the pool with that name, and from nowhere else
        return True if isinstance(target_volume(facts, disk), Volume) and target and target.active else None
    if in_the_way(facts, disk):
        return True
    if not (source and target and source.active and target.active and shared(facts, disk) is Sharing.PROVEN):
        return None
    # What the source has is on the destination too, whenever that read its pool. Pools do not list folders below.
    listed = isinstance(source_volume(facts, disk), Volume) or not is_in(source, disk)
    return True if listed else None


def read_again(facts: Facts, disk: Disk) -> tuple[Remedy, ...]:
    """How a pool of the destination learns of a file that was added after its last refresh, if it has a pool there."""
    pool, target = target_pool(facts, disk), facts.target.name
    if pool is None or not pool.active or seen(facts, disk) is not None:
        return ()
    return (
        remedy(f"Refresh pool {pool.name}, if the file is there.", run=virsh("pool-refresh", pool.name), on=target),
    )


def look_closer(facts: Facts, disk: Disk) -> tuple[Remedy, ...]:
    """What lets kvmweb see whether two folders are one storage."""
    hosts = zip((facts.source.name, facts.target.name), mounts_of(facts, disk), strict=True)
    unseen = " and ".join(name for name, mount in hosts if mount is None)
    text = f"kvmweb did not see the file systems of {unseen}. It sees those of hosts that are registered by ssh."
    return (remedy(text),) if unseen else ()


def unproven(facts: Facts) -> Severity:
    """Of storage that may be shared. libvirt refuses a running VM where it is not; of one that is shut off it looks at
    no disk, and an old copy at the same path would be used without a word."""
    return Severity.BLOCKER if KIND[facts.request.kind].cold else Severity.UNKNOWN


def refused_there(facts: Facts) -> str:
    """What comes of a disk on storage that the hosts do not share."""
    if KIND[facts.request.kind].cold:
        return f"{facts.target.name} could not start the VM."
    return "libvirt then refuses: “Migration without shared storage is unsafe.”"


def copy_instead(facts: Facts, disk: Disk) -> Remedy:
    if KIND[facts.request.kind].stops:
        return remedy(f"Put disk {disk.target} on storage that both hosts share: this method copies no disks.")
    if KIND[facts.request.kind].cold:
        return remedy(f"Or copy disk {disk.target}: choose Offline with storage.", kind=Kind.OFFLINE_STORAGE)
    if KIND[facts.request.kind].may_copy:
        return remedy(f"Or copy disk {disk.target}: choose it among the disks to copy.")
    return remedy(f"Or copy disk {disk.target}: choose Live with storage.", kind=Kind.LIVE_STORAGE)


def media(facts: Facts, disk: Disk) -> tuple[FileContent | Unknown, FileContent | Unknown]:
    """The content of a CD or floppy image on the source and on the destination."""

    def of(host: HostFacts, path: str) -> FileContent | Unknown:
        if isinstance(host.media, Unknown):
            return host.media
        return host.media.get(path, Unknown(f"kvmweb did not ask {host.name} about it."))

    return of(facts.source, here(facts).path(disk)), of(facts.target, target_path(facts, disk))


def is_image(disk: Disk) -> bool:
    """Whether it is a CD or floppy image in a drive."""
    return disk.device in REMOVABLE and disk.type in ("file", "volume") and not disk.empty


def other_medium(facts: Facts, disk: Disk) -> bool | None:
    """Whether the destination has another image at the place of this one; None when kvmweb cannot tell."""
    if shared(facts, disk) is Sharing.PROVEN:
        return False
    one, other = media(facts, disk)
    if isinstance(one, FileContent) and isinstance(other, FileContent):
        return one != other
    here_, there_ = source_volume(facts, disk), target_volume(facts, disk)
    known_sizes = isinstance(here_, Volume) and isinstance(there_, Volume)
    return True if known_sizes and here_.capacity != there_.capacity else None  # type: ignore[union-attr]


def ejected(facts: Facts) -> tuple[str, ...]:
    """The drives that this migration empties first: those whose image the destination is not seen to have."""
    if facts.starts or not facts.request.options.eject or facts.request.kind not in TAKE_OUT_KINDS:
        return ()
    images = (disk for disk in guest_of(facts).disks if is_image(disk))
    return tuple(disk.target for disk in images if not seen(facts, disk) or other_medium(facts, disk) is not False)


def eject(facts: Facts, disk: Disk, text: str = "Or eject it, if the VM does not need it.") -> tuple[Remedy, ...]:
    """By kvmweb, where it can, and by hand."""
    flags = ("--eject", "--config" if facts.starts else "--live")
    command = virsh("change-media", facts.request.guest, disk.target, flags=flags)
    by_hand = remedy(text, run=command, on=facts.source.name)
    if not (takes_out(facts, "eject") and is_image(disk)):
        return (by_hand,)
    words = (
        f"Let kvmweb eject it for the migration: {guest_of(facts).name} cannot read it until it is inserted again, on"
        f" {facts.target.name} if that has it then."
    )
    return remedy(words, option="eject"), by_hand


def may_be_taken_out(disk: Disk) -> bool:
    """libvirt empties such a drive when its medium is not on the destination. It never drops a hard disk."""
    return disk.device in REMOVABLE and disk.startup_policy in ("optional", "requisite")


def is_in(pool: Pool, disk: Disk) -> bool:
    """Whether it lies right in the pool's folder; something else may be mounted on a folder below."""
    return not disk.path or posixpath.normpath(pool.target_path) == folder(disk.path)


def other_storage_words(facts: Facts, disk: Disk) -> str:
    """Of a disk that libvirt does not refuse, and whose storage is not proven to be shared."""
    source, target = facts.source.name, facts.target.name
    pools = source_pool(facts, disk), target_pool(facts, disk)
    ours, theirs = (" ".join(pool.source_hosts) if pool else "" for pool in pools)
    if ours and theirs and ours != theirs:
        origin = f"comes from {ours} on {source} and from {theirs} on {target}: this may be different storage"
    else:
        origin = f"may be on different storage on {source} and {target}"
    return f"{origin}. libvirt does not check this."


def place_words(facts: Facts, disk: Disk) -> dict[str, str]:
    """Where a disk is on each host, as evidence."""
    words = {}
    hosts = (facts.source.name, facts.target.name)
    pools = (source_pool(facts, disk), target_pool(facts, disk))
    for host, pool, mount in zip(hosts, pools, mounts_of(facts, disk), strict=True):
        words[f"pool on {host}"] = pool_words(pool)
        if mount:
            words[f"file system on {host}"] = f"{mount.kind}, {mount.source}".removesuffix(", ")
    return words


def pool_words(pool: Pool | None) -> str:
    if pool is None:
        return "none with this path"
    origin = " ".join(filter(None, (*pool.source_hosts, pool.source_dir, pool.source_name, *pool.source_devices)))
    return f"{pool.name}, type {pool.type}, {f'from {origin}' if origin else size(pool.capacity)}"
