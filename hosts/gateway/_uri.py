"""libvirt URIs from checked fields. The only place that writes one."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import quote

from hosts.calls.move import PeerHelper
from hosts.facts.endpoint import Endpoint, PeerEndpoint, Transport

_HELPERS = {
    PeerHelper.AUTO: "",
    PeerHelper.NETCAT: "&proxy=netcat",
    PeerHelper.NETCAT_MODULAR: "&proxy=netcat&socket=%2Frun%2Flibvirt%2Fvirtqemud-sock",
}


def connection_uri(endpoint: Endpoint, *, ssh: Path | None = None) -> str:
    """For kvmweb's own connection; with ssh, `ssh` is the wrapper that libvirt starts instead of ssh."""
    if endpoint.transport is Transport.UNIX:
        return "qemu:///system"
    port = f":{endpoint.port}" if endpoint.port else ""
    place = f"{_user(endpoint.user)}{bracketed(endpoint.address)}{port}"
    if endpoint.transport is Transport.TCP:
        return f"qemu+tcp://{place}/system"
    if ssh is None:
        raise ValueError("ssh needs its wrapper")
    return f"qemu+ssh://{place}/system?command={quote(str(ssh), safe='')}&no_tty=1"


def peer_uri(peer: PeerEndpoint, *, helper: PeerHelper = PeerHelper.AUTO) -> str:
    """For the source's libvirtd: with ssh it uses that host's own key and known_hosts."""
    place = f"{_user(peer.user)}{bracketed(peer.address)}"
    if peer.transport is Transport.SSH:
        return f"qemu+ssh://{place}/system?no_tty=1{_HELPERS[helper]}"
    return f"qemu+tcp://{place}/system"


def migrate_uri(address: str) -> str:
    """Where the guest's memory goes; libvirt chooses the port."""
    return f"tcp://{bracketed(address)}"


def bracketed(address: str) -> str:
    """An IPv6 address in brackets, everything else as it is (addresses were checked when they were entered)."""
    try:
        return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    except ValueError:
        return address


def _user(user: str) -> str:
    return f"{quote(user, safe='')}@" if user else ""
