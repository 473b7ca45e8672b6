"""A checkpoint of a VM: from when on an incremental backup finds what has changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`created` in seconds since 1970. `xml` is libvirt's record, without secrets; the bitmaps are in the images."""

    name: str
    created: int
    parent: str = ""
    xml: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
