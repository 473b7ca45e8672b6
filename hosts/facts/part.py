"""Parts of a running guest that can be taken out of it and put back: devices of its host, media of its drives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PartKind(StrEnum):
    #: a USB device of the host
    USB = "usb"
    #: a network device in a failover team, which the guest can do without
    TEAMED = "teamed"
    #: a CD or floppy image in a drive
    MEDIUM = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`key` is the same on every host; `name` is what a user calls it. `out` is the XML it is taken out with, `back`
    that it is put back with: libvirt's own, of the guest's definition, without what belongs to one run on one host.

    `device`: the host's device that its definition names, as the probe `host_devices` lists them; "" where that is the
    choice of libvirt. `anywhere`: whether another host can know what is meant. `alias` is libvirt's name of it in this
    run. Of a medium, `drive` is the target and `image` the path, or "pool/volume". `saved`: the guest's saved
    definition has it too."""

    kind: PartKind
    key: str
    name: str
    out: str
    back: str
    alias: str = ""
    device: str = ""
    anywhere: bool = True
    drive: str = ""
    image: str = ""
    saved: bool = False
