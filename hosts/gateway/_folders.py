"""Folders of a host, through a pool that kvmweb makes for a moment. libvirt reads and writes files in pools only, and
knows a pool as of its last refresh, which kvmweb never asks for in a pool of others: when it fails libvirt stops the
pool, under its VMs.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hosts.facts import pool_xml, xml
from hosts.facts.storage import FOLDER_POOL_TYPES
from hosts.gateway import _errors
from hosts.gateway._link import Link

if TYPE_CHECKING:
    import libvirt

#: what such a pool is called
PREFIX = "kvmweb-variables-"
#: with the time at which it was made. One that is so much older is of a worker that was killed: no use takes minutes
_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{12}}-([0-9]{{1,12}})-[0-9a-f]{{8}}")
_LEFT_SECONDS = 3600
_SECONDS = 60.0
#: so many uses of one folder at the same time, those that a killed worker left included
_MOST_AT_ONCE = 16


@contextlib.contextmanager
def folder_pool(raw: libvirt.virConnect, folder: str, *, make: bool = False) -> Iterator[libvirt.virStoragePool]:
    """A pool of this use alone, gone afterwards; its files are not. It lists the folder as it is now. `make`: the
    folder too, where there is none."""
    import libvirt

    _remove_left(raw)
    pool = _create(raw, folder, make=make)
    try:
        yield pool
    finally:
        with contextlib.suppress(libvirt.libvirtError):  # what was done is done; a later use removes it
            pool.destroy()


def _create(raw: libvirt.virConnect, folder: str, *, make: bool) -> libvirt.virStoragePool:
    """libvirt has one pool for each path, also for an inactive one, and compares the letters: "/vms/." is another one.
    Without `make` the path itself is never taken: `storageVolLookupByPath` must find files in the pools of others."""
    import libvirt

    flags = libvirt.VIR_STORAGE_POOL_CREATE_WITH_BUILD if make else 0
    for dots in range(0 if make else 1, _MOST_AT_ONCE + 1):
        try:
            return raw.storagePoolCreateXML(_xml(folder, dots), flags)
        except libvirt.libvirtError as error:
            if error.get_error_code() != _errors.OPERATION_FAILED or dots == _MOST_AT_ONCE:
                raise
    raise AssertionError("the last one is returned, or raises")


def _xml(folder: str, dots: int) -> str:
    made = xml.Builder("pool", type="dir")
    of = hashlib.sha256(folder.encode()).hexdigest()[:12]
    made.add("name", f"{PREFIX}{of}-{int(time.time())}-{secrets.token_hex(4)}")
    made.add("target").add("path", f"{folder.rstrip('/')}{'/.' * dots}" or "/")
    return made.xml()


def _remove_left(raw: libvirt.virConnect) -> None:
    import libvirt

    for pool in raw.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT):
        made = _NAME.fullmatch(pool.name())
        if made and time.time() - int(made[1]) > _LEFT_SECONDS:
            with contextlib.suppress(libvirt.libvirtError):
                pool.destroy()


def file_system(link: Link, pool: str) -> int | None:
    """As port.Disks describes it. A pool's own numbers are those of its last refresh."""

    def work(raw: libvirt.virConnect) -> int | None:
        import libvirt

        found = pool_xml.parse(raw.storagePoolLookupByName(pool).XMLDesc(0), active=True, autostart=False)
        if found.type not in FOLDER_POOL_TYPES:
            return 0
        try:
            with folder_pool(raw, found.target_path) as mine:
                return int(mine.info()[1])
        except libvirt.libvirtError:
            if raw.isAlive():
                return None
            raise

    return link.call(f"the file system of pool {pool}", work, seconds=_SECONDS)
