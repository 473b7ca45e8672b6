"""The content of volumes: copied from one into another on the same host, and its checksum. It goes through kvmweb, so
that what was written is what is compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hosts.facts.storage import DiskPlace
from hosts.gateway._link import Link
from hosts.gateway.port import Aborted

if TYPE_CHECKING:
    import libvirt

#: what one message of libvirt's protocol carries
_CHUNK = 256 * 1024
_ZEROES = bytes(_CHUNK)

#: bytes that were read since it was called last; whether to go on
Tell = Callable[[int], bool]


def copy(link: Link, source: DiskPlace, target: DiskPlace, tell: Tell) -> str:
    """The SHA-256 of what was read. Nothing else can be asked over this connection meanwhile. Raises Aborted."""

    def work(raw: libvirt.virConnect) -> str:
        import libvirt

        digest, up = hashlib.sha256(), raw.newStream(0)
        # a new raw volume is all zeroes; an image that was just made is not
        sparse = target.format == "raw"
        flags = libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM if sparse else 0
        _volume(raw, target).upload(up, 0, 0, flags)
        try:
            hole = 0
            for chunk in _read(raw, source, tell):
                digest.update(chunk)
                if sparse and chunk == _ZEROES[: len(chunk)]:
                    hole += len(chunk)  # one after the other is one: libvirt before 10.1 hangs at two
                    continue
                hole = _skip(up, hole)
                _send(up, chunk)
            _skip(up, hole)
            up.finish()
        except BaseException:
            _abort(up)
            raise
        return digest.hexdigest()

    return link.call_without_end(work)


def checksum(link: Link, place: DiskPlace, tell: Tell) -> str:
    """SHA-256. Nothing else can be asked over this connection meanwhile. Raises Aborted."""

    def work(raw: libvirt.virConnect) -> str:
        digest = hashlib.sha256()
        for chunk in _read(raw, place, tell):
            digest.update(chunk)
        return digest.hexdigest()

    return link.call_without_end(work)


def _read(raw: libvirt.virConnect, place: DiskPlace, tell: Tell) -> Iterator[bytes]:
    down = raw.newStream(0)
    _volume(raw, place).download(down, 0, 0, 0)
    try:
        while chunk := down.recv(_CHUNK):
            yield chunk
            if not tell(len(chunk)):
                raise Aborted("kvmweb stopped reading the volume")
        down.finish()
    except BaseException:
        _abort(down)
        raise


def _volume(raw: libvirt.virConnect, place: DiskPlace) -> libvirt.virStorageVol:
    return raw.storagePoolLookupByName(place.pool).storageVolLookupByName(place.volume)


def _send(stream: libvirt.virStream, chunk: bytes) -> None:
    while chunk:
        chunk = chunk[stream.send(chunk) :]


def _skip(stream: libvirt.virStream, length: int) -> int:
    if length:
        stream.sendHole(length, 0)
    return 0


def _abort(stream: libvirt.virStream) -> None:
    import libvirt

    try:
        stream.abort()
    except libvirt.libvirtError:
        return  # it is over already
