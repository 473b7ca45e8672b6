"""Secrets and network filters of one host. Values of secrets are never read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.facts import network_filter_xml
from hosts.facts.supplies import NetworkFilter, Secret
from hosts.gateway._link import Link

if TYPE_CHECKING:
    import libvirt


def secrets(link: Link) -> tuple[Secret, ...]:
    def work(raw: libvirt.virConnect) -> tuple[Secret, ...]:
        return tuple(Secret(uuid=one.UUIDString(), usage=one.usageID() or "") for one in raw.listAllSecrets(0))

    return link.call("its secrets", work)


def network_filters(link: Link) -> tuple[NetworkFilter, ...]:
    def work(raw: libvirt.virConnect) -> tuple[NetworkFilter, ...]:
        return tuple(network_filter_xml.parse(one.XMLDesc(0)) for one in raw.listAllNWFilters(0))

    return link.call("its network filters", work)
