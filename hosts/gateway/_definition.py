"""What libvirt has saved of a guest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.facts import domain_xml
from hosts.gateway import _errors
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway.port import Refused

if TYPE_CHECKING:
    import libvirt

#: the libvirt that learnt to
_KEEPS_TPM = 8_009_000


class Definition:
    """The methods are described in port.Definition."""

    def __init__(self, link: Link, guests: Guests) -> None:
        self._link = link
        self._guests = guests

    def set_autostart(self, uuid: str, enabled: bool) -> None:
        def work(raw: libvirt.virConnect) -> None:
            self._guests.handle(raw, uuid).setAutostart(int(enabled))

        self._link.call("set autostart", work, key=("autostart", uuid))

    def undefine(self, uuid: str) -> None:
        def work(raw: libvirt.virConnect) -> None:
            import libvirt

            guest = self._guests.handle(raw, uuid)
            if guest.isActive():  # libvirt would make it transient
                raise Refused("the VM is not shut off", code=_errors.OPERATION_INVALID)
            flags = libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
            if raw.getLibVersion() >= _KEEPS_TPM or domain_xml.parse(guest.XMLDesc()).has_tpm:
                flags |= libvirt.VIR_DOMAIN_UNDEFINE_KEEP_TPM  # an older one refuses: it would delete the state
            guest.undefineFlags(flags)

        self._link.call("undefine a VM", work, key=("undefine", uuid))
