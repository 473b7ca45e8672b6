"""Pools, volumes, and whether a file is there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hosts.facts import pool_xml, volume_xml
from hosts.facts.endpoint import Endpoint
from hosts.facts.storage import Mount, Pool, Volume, VolumeIdentity, VolumeSpec
from hosts.gateway import _errors, transports
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, Refused

if TYPE_CHECKING:
    import libvirt

#: one call per volume, and a pool may have thousands
_MANY_SECONDS = 60.0

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

#: "device:inode:birth" of a file, "none" when it is not there
_IDENTITY_SCRIPT = 'if test -e "$1"; then stat -L -c %d:%i:%w -- "$1"; elif test -x "${1%/*}/"; then echo none; fi'
_IDENTITY = re.compile(r"\d+:\d+:[-+:. \d]{1,60}")

#: per folder two lines: what findmnt says (kind, source, mount point, blanks as \x20), or where it is missing stat
#: (the kind alone), and the folder's real path; "-" for what cannot be said
_MOUNT_SCRIPT = """\
for p do
  d=$(cd -- "$p" 2>/dev/null && pwd -P) || { echo -; echo -; continue; }
  m=$(findmnt -n -r -o FSTYPE,SOURCE,TARGET -T "$d" 2>/dev/null | tail -n 1)
  test -n "$m" || m=$(stat -f -c %T -- "$d" 2>/dev/null)
  printf '%s\\n' "${m:--}"
  printf '%s\\n' "$d"
done
"""
#: findmnt's way to write blanks and other characters
_BLANK = re.compile(r"\\x([0-9a-f]{2})")


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
    """As of the pool's last refresh, which is never done here: when it fails libvirt stops the pool, under its VMs."""
    return link.call(f"the volume at {path}", lambda raw: _lookup(raw, path))


def volume_named(link: Link, pool: str, name: str) -> Volume | None:
    def work(raw: libvirt.virConnect) -> Volume | None:
        import libvirt

        try:
            return volume_xml.parse(
                raw.storagePoolLookupByName(pool).storageVolLookupByName(name).XMLDesc(0), pool=pool
            )
        except libvirt.libvirtError as error:
            # OPERATION_INVALID: the pool is not active
            if error.get_error_code() in (_errors.NO_STORAGE_VOL, _errors.NO_STORAGE_POOL, _errors.OPERATION_INVALID):
                return None
            raise

    return link.call(f"the volume {name} of pool {pool}", work)


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


def volume_identity(link: Link, endpoint: Endpoint, pool: str, name: str, path: str) -> VolumeIdentity | None:
    """libvirt opens the file when it is asked for a volume's XML: what was removed behind its back is noticed."""

    def work(raw: libvirt.virConnect) -> str:
        import libvirt

        try:
            return str(raw.storagePoolLookupByName(pool).storageVolLookupByName(name).XMLDesc(0))
        except libvirt.libvirtError as error:
            if error.get_error_code() == _errors.NO_STORAGE_VOL:
                return ""
            raise

    text = link.call(f"what the volume {name} of pool {pool} is", work)
    if not text:
        return None
    file = _file_identity(link, endpoint, path)
    return None if file is None else volume_xml.identity(text, file=file)


def _file_identity(link: Link, endpoint: Endpoint, path: str) -> str | None:
    """None when there is no such file, "" where the file system cannot be asked."""
    shell = transports.row(endpoint.transport).shell
    if shell is None or not _askable(path):
        return ""
    told = shell(endpoint, ["sh", "-c", _IDENTITY_SCRIPT, "sh", path], deadline=link.deadline).out.strip()
    return None if told == "none" else told if _IDENTITY.fullmatch(told) else ""


def files_exist(link: Link, endpoint: Endpoint, paths: Iterable[str]) -> dict[str, bool | None]:
    """Over plain TCP only pools can tell, and only what is there; else the file system itself is asked."""
    wanted = list(dict.fromkeys(paths))
    askable = [path for path in wanted if _askable(path)]
    answers: dict[str, bool | None] = dict.fromkeys(wanted)
    if not askable:
        return answers
    shell = transports.row(endpoint.transport).shell
    if shell is None:
        return answers | {path: _file_by_pool(link, path) for path in askable}
    done = shell(endpoint, ["sh", "-c", _TEST_SCRIPT, "sh", *askable], deadline=link.deadline)
    lines = done.out.split()
    if len(lines) != len(askable):
        raise GatewayError(f"{link.name} could not say which files it has: {done.err.strip()[:500]}")
    return answers | {path: {"y": True, "n": False}.get(line) for path, line in zip(askable, lines, strict=True)}


def _file_by_pool(link: Link, path: str) -> bool | None:
    """What a pool does not list may have come after its last refresh."""
    try:
        return True if volume_at(link, path) is not None else None
    except Refused:
        return None  # no storage driver there


def _askable(path: str) -> bool:
    return path.startswith("/") and not set("\0\n") & set(path)


def mounts(link: Link, endpoint: Endpoint, folders: Iterable[str]) -> dict[str, Mount | None]:
    """libvirt tells nothing of this, so over plain TCP nobody does."""
    wanted = list(dict.fromkeys(folders))
    askable = [path for path in wanted if _askable(path)]
    answers: dict[str, Mount | None] = dict.fromkeys(wanted)
    shell = transports.row(endpoint.transport).shell
    if not askable or shell is None:
        return answers
    done = shell(endpoint, ["sh", "-c", _MOUNT_SCRIPT, "sh", *askable], deadline=link.deadline)
    lines = done.out.split("\n")[:-1]
    if len(lines) != 2 * len(askable):
        raise GatewayError(f"{link.name} could not say what its folders lie on: {done.err.strip()[:500]}")
    found = map(_mount, lines[::2], lines[1::2])
    return answers | dict(zip(askable, found, strict=True))


def _mount(line: str, folder: str) -> Mount | None:
    words = line.split()
    if not words or words[0] == "-":
        return None
    if len(words) != 3:
        return Mount(kind=words[0])
    kind, source, point = (_BLANK.sub(lambda match: chr(int(match[1], 16)), word) for word in words)
    return Mount(kind=kind, source=source, below=posixpath.relpath(folder, point))
