"""What a migration takes out of its VM first, as its report names it, and the virsh lines for that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migrations_app.domain.virsh import command

#: in the evidence of findings: what leaves the VM for the migration
EJECTED, DETACHED = "ejected from drive", "detached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A medium in a `drive`, or a device whose XML is in a `file`."""

    drive: str = ""
    image: str = ""
    file: str = ""


def leaving_in(findings: Iterable[Mapping[str, Any]]) -> list[Leaving]:
    """Media last, as kvmweb does it."""
    told = [finding.get("evidence", {}) for finding in findings]
    devices = [Leaving(file=_file(one[DETACHED])) for one in told if DETACHED in one]
    return devices + [Leaving(drive=one[EJECTED], image=one["path"]) for one in told if EJECTED in one]


def commands_out(parts: Iterable[Leaving], *, guest: str, uri: str) -> list[list[str]]:
    return [
        command("change-media", guest, one.drive, flags=("--eject", "--live"), uri=uri)
        if one.drive
        else command("detach-device", guest, one.file, flags=("--live",), uri=uri)
        for one in parts
    ]


def commands_back(parts: Iterable[Leaving], *, guest: str, uri: str) -> list[list[str]]:
    return [
        command("change-media", guest, one.drive, one.image, flags=("--insert", "--live"), uri=uri)
        if one.drive
        else command("attach-device", guest, one.file, flags=("--live",), uri=uri)
        for one in parts
    ]


def _file(device: str) -> str:
    """ "usb-046d-0825.xml": nothing of a hostile name is left."""
    return f"{re.sub('[^A-Za-z0-9]+', '-', device).strip('-')}.xml"
