"""Pools, volumes, and whether a file is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hosts.facts import pool_xml, volume_xml
from hosts.facts.endpoint import Endpoint
from hosts.facts.storage import Pool, Qcow2, Volume, VolumeIdentity, VolumeSpec
from hosts.gateway import _errors, _folders
from hosts.gateway._asking import ask
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, Left, Refused
from hosts.gateway.probes.file_identity import GONE, file_identity
from hosts.gateway.probes.files import files
from hosts.gateway.probes.qcow2_headers import qcow2_headers

if TYPE_CHECKING:
    import libvirt

#: one call per volume, and a pool may have thousands
_MANY_SECONDS = 60.0


def pools(link: Link) -> tuple[Pool, ...]:
    def work(raw: libvirt.virConnect) -> tuple[Pool, ...]:
        import libvirt

        active = {p.UUIDString() for p in raw.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE)}
        auto = {p.UUIDString() for p in raw.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART)}
        found = []
        for pool in raw.listAllStoragePools(0):
            if pool.name().startswith(_folders.PREFIX):
                continue
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


def create_volume(link: Link, endpoint: Endpoint, spec: VolumeSpec) -> Volume:
    """Exactly as wanted, or none: a disk is copied only into one of the same size, and libvirt may round. How an image
    is made its header tells; what libvirt says of it repeats what it was asked, without what it did not understand."""

    def work(raw: libvirt.virConnect) -> None:
        raw.storagePoolLookupByName(spec.pool).createXML(volume_xml.build(spec), 0)

    link.call(f"create the volume {spec.name}", work, seconds=_MANY_SECONDS)
    try:
        volume = volume_named(link, spec.pool, spec.name)
        if volume is None:
            raise GatewayError("libvirt created it, but it is gone already")
        image = _image(link, endpoint, volume) or volume.qcow2
        if volume.capacity != spec.capacity:
            wrong = f"libvirt created it with {volume.capacity} bytes instead of {spec.capacity}"
        elif spec.qcow2 and image != spec.qcow2:
            wrong = f"libvirt created it with {image} instead of {spec.qcow2}"
        else:
            return volume
        delete_volume(link, spec.pool, spec.name)
    except GatewayError as error:
        raise Left(f"{spec.name} was created in pool {spec.pool}, and may still be there: {error.message}") from error
    raise GatewayError(wrong)


def _image(link: Link, endpoint: Endpoint, volume: Volume) -> Qcow2 | None:
    """Never fails: the volume is there."""
    try:
        header = (ask(link, endpoint, qcow2_headers, volume.path) or {}).get(volume.path)
    except GatewayError:
        return None
    return header.made if header else None


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
    file = (ask(link, endpoint, file_identity, path) or {}).get(path) or ""
    return None if file == GONE else volume_xml.identity(text, file=file)


def files_exist(link: Link, endpoint: Endpoint, paths: Iterable[str]) -> dict[str, bool | None]:
    """Over plain TCP only pools can tell, and only what is there; else the file system itself is asked."""
    wanted = list(dict.fromkeys(paths))
    answers: dict[str, bool | None] = dict.fromkeys(wanted)
    found = ask(link, endpoint, files, *wanted)
    if found is None:
        found = {path: _file_by_pool(link, path) for path in files.words(wanted)}
    return answers | found


def _file_by_pool(link: Link, path: str) -> bool | None:
    """What a pool does not list may have come after its last refresh."""
    try:
        return True if volume_at(link, path) is not None else None
    except Refused:
        return None  # no storage driver there
