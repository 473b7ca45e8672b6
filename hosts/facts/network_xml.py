"""Network XML -> Network."""

from __future__ import annotations

from hosts.facts import xml
from hosts.facts.network import Network


def parse(text: str, *, active: bool, autostart: bool) -> Network:
    """Raises BadXml. The XML does not say whether the network is active, or has autostart."""
    network = xml.parse(text, root="network")
    return Network(
        name=network.name("name"),
        uuid=network.text("uuid").lower(),
        active=active,
        autostart=autostart,
        bridge=network.get("name", "bridge"),
        forward=(network.get("mode", "forward") or "nat") if network.has("forward") else "",
        virtualport=network.get("type", "virtualport"),
        dhcp=network.has("ip/dhcp"),
        reservations=tuple(
            (host.get("mac").lower(), host.get("ip")) for host in network.all("ip/dhcp/host") if host.get("mac")
        ),
        portgroups=tuple(group.get("name") for group in network.all("portgroup")),
    )
