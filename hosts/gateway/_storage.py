"""Pools, volumes, and whether a file is there."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hosts.facts import pool_xml, volume_xml
from hosts.facts.endpoint import Endpoint, Transport
from hosts.facts.storage import Pool, Volume, VolumeSpec
from hosts.gateway import _errors, _ssh
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, Refused

if TYPE_CHECKING:
    import libvirt

#: one call per volume, and a pool may have thousands; refreshing one may open every image in it
_MANY_SECONDS = 60.0
_REFRESH_SECONDS = 30.0
#: pools whose volumes are the files of one folder: what is not among them is not in the folder
_FOLDER_POOLS = frozenset({"dir", "fs", "netfs"})

#: per path "y" there, "n" not there, "u" hidden: a folder on the way that this user may not look into
_TEST_SCRIPT = """\
for p do
  if test -e "$p"; then echo y; continue; fi
  d=$p
  while :; do
    d=$(dirname -- "$d")
    if test -d "$d"; then if test -x "$d"; then echo n; else echo u; fi; break; fi
    case $d in /|.) echo u; break;; esac
  done
done
"""


def pools(link: Link) -> tuple[Pool, ...]:
    def work(raw: libvirt.virConnect) -> tuple[Pool, ...]:
        import libvirt

        active = {p.UUIDString() for p in raw.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE)}
        auto = {p.UUIDString() for p in raw.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART)}
        found = []
        for pool in raw.listAllStoragePools(0):
            uuid = pool.UUIDString()
            try:
                text = pool.XMLDesc(0)
            except libvirt.libvirtError as error:
                if error.get_error_code() == _errors.NO_STORAGE_POOL:
                    continue
                raise
            found.append(pool_xml.parse(text, active=uuid in active, autostart=uuid in auto))
        return tuple(found)

    return link.call("its storage pools", work)


def volumes(link: Link, pool: str) -> tuple[Volume, ...]:
    def work(raw: libvirt.virConnect) -> tuple[Volume, ...]:
        import libvirt

        found = []
        for volume in raw.storagePoolLookupByName(pool).listAllVolumes(0):
            try:
                found.append(volume_xml.parse(volume.XMLDesc(0), pool=pool))
            except libvirt.libvirtError as error:
                if error.get_error_code() != _errors.NO_STORAGE_VOL:
                    raise
        return tuple(found)

    return link.call(f"the volumes of pool {pool}", work, seconds=_MANY_SECONDS)


def volume_at(link: Link, path: str) -> Volume | None:
    found = link.call(f"the volume at {path}", lambda raw: _lookup(raw, path))
    if found is None and _refresh(link, posixpath.dirname(path)):
        found = link.call(f"the volume at {path}", lambda raw: _lookup(raw, path))
    return found


def _lookup(raw: libvirt.virConnect, path: str) -> Volume | None:
    import libvirt

    try:
        volume = raw.storageVolLookupByPath(path)
        pool = volume.storagePoolLookupByVolume().name()
        return volume_xml.parse(volume.XMLDesc(0), pool=pool)
    except libvirt.libvirtError as error:
        if error.get_error_code() in (_errors.NO_STORAGE_VOL, _errors.NO_STORAGE_POOL):
            return None
        raise


def _refresh(link: Link, folder: str) -> bool:
    """libvirt knows a pool's volumes as of its last refresh: read the pool of this folder again, if there is one."""

    def work(raw: libvirt.virConnect) -> bool:
        import libvirt

        try:
            raw.storagePoolLookupByTargetPath(folder).refresh(0)
        except libvirt.libvirtError as error:
            if error.get_error_code() in (_errors.NO_STORAGE_POOL, _errors.OPERATION_INVALID):
                return False  # none, inactive, or busy with another job
            raise
        return True

    return link.call(f"refresh the pool at {folder}", work, seconds=_REFRESH_SECONDS)


def _folder_is_a_pool(link: Link, folder: str) -> bool:
    """Whether an active pool lists the files of this very folder."""

    def work(raw: libvirt.virConnect) -> bool:
        import libvirt

        try:
            pool = raw.storagePoolLookupByTargetPath(folder)
            return (
                bool(pool.isActive())
                and pool_xml.parse(pool.XMLDesc(0), active=True, autostart=False).type in _FOLDER_POOLS
            )
        except libvirt.libvirtError as error:
            if error.get_error_code() == _errors.NO_STORAGE_POOL:
                return False
            raise

    return link.call(f"the pool at {folder}", work)


def create_volume(link: Link, spec: VolumeSpec) -> Volume:
    """Of exactly the wanted size, or none: a disk is copied only into one of the same size, and libvirt may round."""

    def work(raw: libvirt.virConnect) -> Volume:
        made = raw.storagePoolLookupByName(spec.pool).createXML(volume_xml.build(spec), 0)
        volume = volume_xml.parse(made.XMLDesc(0), pool=spec.pool)
        if volume.capacity != spec.capacity:
            made.delete(0)
            raise GatewayError(f"libvirt makes it {volume.capacity} bytes large, not {spec.capacity}")
        return volume

    return link.call(f"make the volume {spec.name}", work, seconds=_MANY_SECONDS)


def delete_volume(link: Link, pool: str, name: str) -> None:
    def work(raw: libvirt.virConnect) -> None:
        raw.storagePoolLookupByName(pool).storageVolLookupByName(name).delete(0)

    link.call(f"delete the volume {name}", work, seconds=_MANY_SECONDS)


def files_exist(link: Link, endpoint: Endpoint, paths: Iterable[str]) -> dict[str, bool | None]:
    """Over plain TCP only pools can tell; by ssh and on this machine the file system itself is asked."""
    wanted = list(dict.fromkeys(paths))
    askable = [path for path in wanted if path.startswith("/") and not set("\0\n") & set(path)]
    answers: dict[str, bool | None] = dict.fromkeys(wanted)
    if not askable:
        return answers
    match endpoint.transport:
        case Transport.SSH:
            found = _files_by_ssh(endpoint, askable, link.deadline)
        case Transport.UNIX:
            found = {path: _local_file(path) for path in askable}
        case Transport.TCP:
            found = {path: _file_by_pool(link, path) for path in askable}
    return answers | found


def _files_by_ssh(endpoint: Endpoint, paths: list[str], deadline: float) -> dict[str, bool | None]:
    done = _ssh.run_ssh(endpoint, ["sh", "-c", _TEST_SCRIPT, "sh", *paths], deadline=deadline)
    lines = done.out.split()
    if len(lines) != len(paths):
        raise GatewayError(f"{endpoint.address} could not say which files it has: {done.err.strip()[:500]}")
    return {path: {"y": True, "n": False}.get(line) for path, line in zip(paths, lines, strict=True)}


def _local_file(path: str) -> bool | None:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None
    return True


def _file_by_pool(link: Link, path: str) -> bool | None:
    try:
        if volume_at(link, path) is not None:
            return True
        return False if _folder_is_a_pool(link, posixpath.dirname(path)) else None
    except Refused:
        return None  # no storage driver there
