"""A host's pools and networks, as virsh sees them."""

from __future__ import annotations

from xml.etree import ElementTree

from lab import gluster, guests
from lab.host import Host
from lab.run import CommandFailed

GLUSTERFS, DIRECTORY = "glusterfs", "directory"
SHARED_FOLDER = "/srv/shared"
"""The machine's folder that takes the volume's place where Gluster cannot run."""

NETWORK = "isolated"
SHARED = "testvms"
"""The pool on the shared storage."""


def prepare(host: Host, kind: str) -> None:
    """Define and start the pools and the isolated network."""
    if kind == DIRECTORY:
        host.exec("mount", "--bind", SHARED_FOLDER, guests.POOLS[SHARED])
    ensure_pools(host, kind)
    ensure_network(host)


def ensure_pools(host: Host, kind: str) -> None:
    for name in {*guests.POOLS, guests.BOOT_POOL} - names(host, "pool-list", "--name"):
        ensure_pool(host, name, kind)


def ensure_pool(host: Host, name: str, kind: str) -> None:
    """Make sure the pool is defined, starts by itself, and is active."""
    if name not in names(host, "pool-list", "--all", "--name"):
        host.exec("virsh", "-q", "pool-define", "/dev/stdin", stdin=pool_xml(name, kind))
        host.virsh("pool-autostart", name)
    if name not in names(host, "pool-list", "--name"):
        host.virsh("pool-start", name)


def drop_pool(host: Host, name: str) -> None:
    host.virsh("pool-destroy", name, check=False)
    host.virsh("pool-undefine", name, check=False)


def ensure_network(host: Host) -> None:
    if NETWORK not in names(host, "net-list", "--all", "--name"):
        host.exec("virsh", "-q", "net-define", "/dev/stdin", stdin=_network_xml())
        host.virsh("net-autostart", NETWORK)
    if NETWORK not in names(host, "net-list", "--name"):
        host.virsh("net-start", NETWORK)


def names(host: Host, *listing: str) -> set[str]:
    return set(host.virsh(*listing).split())


def volumes(listing: str) -> set[str]:
    """The names in what `virsh vol-list` says."""
    return {row.split()[0] for row in listing.splitlines() if row.strip()}


def delete_volume(host: Host, pool: str, volume: str) -> None:
    try:
        host.virsh("vol-delete", volume, "--pool", pool)
    except CommandFailed:
        # Another host may have deleted it from the shared pool since this one's last look.
        host.virsh("pool-refresh", pool)
        if volume in volumes(host.virsh("vol-list", pool)):
            raise


def pool_xml(name: str, kind: str) -> str:
    netfs = name == SHARED and kind == GLUSTERFS
    pool = ElementTree.Element("pool", type="netfs" if netfs else "dir")
    ElementTree.SubElement(pool, "name").text = name
    if netfs:
        source = ElementTree.SubElement(pool, "source")
        ElementTree.SubElement(source, "host", name=gluster.SERVER)
        ElementTree.SubElement(source, "dir", path=f"/{gluster.VOLUME}")
        ElementTree.SubElement(source, "format", type="glusterfs")
    target = ElementTree.SubElement(pool, "target")
    ElementTree.SubElement(target, "path").text = guests.BOOT if name == guests.BOOT_POOL else guests.POOLS[name]
    return ElementTree.tostring(pool, encoding="unicode")


def _network_xml() -> str:
    """No address and no DHCP: libvirt would start a dnsmasq for those."""
    network = ElementTree.Element("network")
    ElementTree.SubElement(network, "name").text = NETWORK
    ElementTree.SubElement(network, "bridge", name="virbr-iso", stp="off", delay="0")
    return ElementTree.tostring(network, encoding="unicode")
