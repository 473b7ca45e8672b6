"""Files with a guest's own state: its UEFI variables, that of its TPM. They are in folders of libvirt's own, which are
no pools."""

from __future__ import annotations

import errno
import posixpath
from typing import TYPE_CHECKING

from hosts.facts import xml
from hosts.gateway import _errors
from hosts.gateway._folders import folder_pool
from hosts.gateway._link import Link
from hosts.gateway.port import Refused

if TYPE_CHECKING:
    import libvirt

#: what is larger is no such file; a TPM has some kilobytes
MOST_BYTES = 64 * 1024 * 1024
_CHUNK = 256 * 1024
_SECONDS = 60.0


class OwnFiles:
    """The methods are described in port.OwnFiles."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def read(self, path: str) -> bytes | None:
        def work(raw: libvirt.virConnect) -> bytes | None:
            import libvirt

            try:
                with folder_pool(raw, posixpath.dirname(path)) as pool:
                    volume = _find(pool, path)
                    return None if volume is None else _download(raw, volume)
            except libvirt.libvirtError as error:
                if _no_such_folder(error):
                    return None
                raise

        return self._link.call("read a file with the state of a VM", work, seconds=_SECONDS, key=("read", path))

    def write(self, path: str, content: bytes) -> None:
        def work(raw: libvirt.virConnect) -> None:
            with folder_pool(raw, posixpath.dirname(path), make=True) as pool:
                volume = _find(pool, path)
                if volume is not None and int(volume.info()[1]) != len(content):
                    volume.delete(0)
                    volume = None
                volume = volume or pool.createXML(_volume_xml(path, len(content)), 0)
                stream = raw.newStream(0)
                volume.upload(stream, 0, len(content), 0)
                rest = content
                while rest:
                    rest = rest[stream.send(rest[:_CHUNK]) :]
                stream.finish()

        self._link.call("write a file with the state of a VM", work, seconds=_SECONDS, key=("write", path))

    def remove(self, path: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            with folder_pool(raw, posixpath.dirname(path)) as pool:
                volume = _find(pool, path)
                if volume is not None:
                    volume.delete(0)

        self._link.call("remove a file with the state of a VM", work, seconds=_SECONDS, key=("remove", path))


def _no_such_folder(error: libvirt.libvirtError) -> bool:
    return (error.get_error_code(), error.get_int1()) == (_errors.SYSTEM_ERROR, errno.ENOENT)


def _find(pool: libvirt.virStoragePool, path: str) -> libvirt.virStorageVol | None:
    import libvirt

    try:
        return pool.storageVolLookupByName(posixpath.basename(path))
    except libvirt.libvirtError as error:
        if error.get_error_code() == _errors.NO_STORAGE_VOL:
            return None
        raise


def _download(raw: libvirt.virConnect, volume: libvirt.virStorageVol) -> bytes:
    size = int(volume.info()[1])
    if size > MOST_BYTES:
        raise Refused(f"a file of {size} bytes has no UEFI variables", code=_errors.OPERATION_INVALID)
    stream, content = raw.newStream(0), bytearray()
    volume.download(stream, 0, 0, 0)
    while chunk := stream.recv(_CHUNK):
        content += chunk
    stream.finish()
    return bytes(content)


def _volume_xml(path: str, size: int) -> str:
    made = xml.Builder("volume")
    made.add("name", posixpath.basename(path))
    made.add("capacity", str(size))
    made.add("allocation", str(size))
    made.add("target").add("format", type="raw")
    return made.xml()
