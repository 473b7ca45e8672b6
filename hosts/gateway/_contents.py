"""The content of volumes: copied from one into another, on the same host or on another one, and its checksum. It goes
through kvmweb, so that what was written is what is compared. Holes of a file are not transferred."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hosts.facts import volume_xml
from hosts.facts.storage import DiskPlace, Part
from hosts.gateway._link import Link
from hosts.gateway.port import Aborted, Tell

if TYPE_CHECKING:
    import libvirt

#: what one message of libvirt's protocol carries
_CHUNK = 256 * 1024
_ZEROES = bytes(_CHUNK)
#: an image that was just made has something in it: it is in here
_NEW_IMAGE = 16 * 1024 * 1024
#: libvirt's answer to a read that comes to a hole
_HOLE = -3


def copy(link: Link, source: DiskPlace, there: Link, target: DiskPlace, tell: Tell, part: Part) -> str:
    """The SHA-256 of what was read. Nothing else can be asked over these connections meanwhile. Raises Aborted."""

    def both(raw: libvirt.virConnect) -> str:
        if there is link:
            return _pump(_read(link, raw, source, tell, part), raw, target, part)
        return there.call_without_end(lambda other: _pump(_read(link, raw, source, tell, part), other, target, part))

    return link.call_without_end(both)


def checksum(link: Link, place: DiskPlace, tell: Tell, part: Part) -> str:
    """SHA-256. Nothing else can be asked over this connection meanwhile. Raises Aborted."""

    def work(raw: libvirt.virConnect) -> str:
        digest = hashlib.sha256()
        for chunk, _ in _read(link, raw, place, tell, part):
            digest.update(chunk)
        return digest.hexdigest()

    return link.call_without_end(work)


def file_size(link: Link, place: DiskPlace) -> int:
    def work(raw: libvirt.virConnect) -> int:
        return volume_xml.file_size(_volume(raw, place).XMLDesc(0))

    return link.call(f"the size of the volume {place.volume}", work)


def _pump(chunks: Iterator[tuple[bytes, bool]], raw: libvirt.virConnect, target: DiskPlace, part: Part) -> str:
    """Into a volume that is all zeroes from `zeroes` on, so that these need not be written."""
    import libvirt

    digest, up = hashlib.sha256(), raw.newStream(0)
    zeroes = 0 if target.format == "raw" else _NEW_IMAGE
    _volume(raw, target).upload(up, part.offset, part.length, libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM)
    try:
        at, hole = part.offset, 0
        for chunk, empty in chunks:
            digest.update(chunk)
            skip = at >= zeroes and (empty or chunk == _ZEROES[: len(chunk)])
            at += len(chunk)
            if skip:
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


def _read(
    link: Link, raw: libvirt.virConnect, place: DiskPlace, tell: Tell, part: Part
) -> Iterator[tuple[bytes, bool]]:
    """Chunks, and whether each is a hole. Errors are this host's own, whoever asks for the next chunk."""
    import libvirt

    try:
        down = raw.newStream(0)
        _volume(raw, place).download(down, part.offset, part.length, libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM)
        try:
            while got := down.recvFlags(_CHUNK, libvirt.VIR_STREAM_RECV_STOP_AT_HOLE):
                if got == _HOLE:
                    yield from _zeroes(down.recvHole(), tell)
                    continue
                yield got, False
                _go_on(tell, len(got), len(got))
            down.finish()
        except BaseException:
            _abort(down)
            raise
    except libvirt.libvirtError as error:
        raise link.translate(error, relayed=True) from None


def _zeroes(length: int, tell: Tell) -> Iterator[tuple[bytes, bool]]:
    while length:
        chunk = _ZEROES[:length]
        yield chunk, True
        length -= len(chunk)
        _go_on(tell, len(chunk), 0)


def _go_on(tell: Tell, read: int, sent: int) -> None:
    if not tell(read, sent):
        raise Aborted("kvmweb stopped reading the volume")


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
