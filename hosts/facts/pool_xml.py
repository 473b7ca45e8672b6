"""Storage pool XML -> Pool."""

from __future__ import annotations

from hosts.facts import xml
from hosts.facts.storage import Pool


def parse(text: str, *, active: bool, autostart: bool) -> Pool:
    """Raises BadXml. The XML does not say whether the pool is active, or has autostart."""
    pool = xml.parse(text, root="pool")
    return Pool(
        name=pool.name("name"),
        uuid=pool.text("uuid").lower(),
        type=pool.get("type"),
        target_path=pool.text("target/path"),
        active=active,
        autostart=autostart,
        capacity=pool.size("capacity", "bytes"),
        allocation=pool.size("allocation", "bytes"),
        available=pool.size("available", "bytes"),
        source_hosts=tuple(_host(host.get("name"), host.get("port")) for host in pool.all("source/host")),
        source_dir=pool.get("path", "source/dir"),
        source_name=pool.text("source/name"),
        source_devices=tuple(device.get("path") for device in pool.all("source/device")),
        source_format=pool.get("type", "source/format"),
    )


def _host(name: str, port: str) -> str:
    return f"{name}:{port}" if port and port != "0" else name
