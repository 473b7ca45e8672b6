"""Checkpoints of a guest: libvirt keeps their records beside the definition, and no migration takes them along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.facts import checkpoint_xml
from hosts.facts.checkpoint import Checkpoint
from hosts.gateway import _errors
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link

if TYPE_CHECKING:
    import libvirt


def checkpoints(link: Link, guests: Guests, uuid: str) -> tuple[Checkpoint, ...]:
    def work(raw: libvirt.virConnect) -> tuple[Checkpoint, ...]:
        import libvirt

        try:
            found = guests.handle(raw, uuid).listAllCheckpoints(libvirt.VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL)
        except libvirt.libvirtError as error:
            if error.get_error_code() == _errors.NO_SUPPORT:  # a driver without checkpoints
                return ()
            raise
        return tuple(checkpoint_xml.parse(one.getXMLDesc(0)) for one in found)

    return link.call("the checkpoints of a VM", work, key=("checkpoints", uuid))


def checkpoint_named(link: Link, guests: Guests, uuid: str, name: str) -> Checkpoint | None:
    def work(raw: libvirt.virConnect) -> Checkpoint | None:
        import libvirt

        try:
            found = guests.handle(raw, uuid).checkpointLookupByName(name, 0)
        except libvirt.libvirtError as error:
            if error.get_error_code() == _errors.NO_DOMAIN_CHECKPOINT:
                return None
            raise
        return checkpoint_xml.parse(found.getXMLDesc(libvirt.VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN))

    return link.call("a checkpoint of a VM", work, key=("checkpoint", uuid))


def redefine_checkpoint(link: Link, guests: Guests, uuid: str, xml: str, *, validate: bool) -> None:
    def work(raw: libvirt.virConnect) -> None:
        import libvirt

        flags = libvirt.VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE
        if validate:
            flags |= libvirt.VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE
        guests.handle(raw, uuid).checkpointCreateXML(xml, flags)

    link.call("redefine a checkpoint of a VM", work, key=("redefine checkpoint", uuid))
