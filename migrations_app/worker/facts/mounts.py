"""What the folders of images lie on."""

from __future__ import annotations

from hosts.facts.storage import Mount
from hosts.facts.unknown import Unknown
from hosts.gateway.probes.mounts import mounts as mounts_probe
from migrations_app.worker.facts.side import Side


def mounts(folders: list[str], side: Side) -> dict[str, Mount | Unknown] | Unknown:
    if not folders:
        return {}
    found = side.learn(lambda c: c.probe(mounts_probe, *folders))
    if isinstance(found, Unknown):
        return found
    unknown = Unknown(f"{side.host.name} does not report which file system is there.")
    return {path: (found or {}).get(path) or unknown for path in folders}
