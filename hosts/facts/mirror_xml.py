"""The block copies in a running guest's definition."""

from __future__ import annotations

from hosts.facts import xml


def mirrors(text: str) -> dict[str, tuple[str, bool]]:
    """By target: the file that a disk is copied to, and whether it is ready to be switched over. Raises BadXml."""
    found = {}
    for disk in xml.parse(text, root="domain").all("devices/disk"):
        if disk.has("mirror"):
            to = disk.get("file", "mirror/source") or disk.get("dev", "mirror/source")
            found[disk.get("dev", "target")] = to, disk.get("ready", "mirror") in ("yes", "pivot")
    return found
