"""The files with firmware and UEFI variables on both hosts, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.facts.host import SourceFacts, TargetFacts
from migrations_app.domain.preflight.shared import guest_of

Size = int | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareFile:
    """`file` on the source and `file_there` on the destination with their sizes in bytes."""

    what: str
    file: str
    file_there: str
    here: Size
    there: Size


def firmware_files(facts: Facts) -> Iterator[FirmwareFile]:
    """Those that are on both hosts. Without a file of variables libvirt makes one on the destination, from its
    template; without a named template from the one that belongs to the firmware."""
    boot = guest_of(facts).boot
    for what, path in (("firmware", boot.loader), ("file of UEFI variables", boot.nvram)):
        here, there, file = _size(facts.source, path), _size(facts.target, path), path
        if there is None and path == boot.nvram and boot.nvram_template:
            there, file = _size(facts.target, boot.nvram_template), boot.nvram_template
        if here is None and path == boot.loader:
            here = Unknown(f"{facts.source.name} does not have {path} any more.")
        if path and here is not None and there is not None:
            yield FirmwareFile(what=what, file=path, file_there=file, here=here, there=there)


def offered(facts: Facts) -> bool:
    """Whether libvirt on the destination offers firmware with this path: then it is that of a package, and its path
    names its size."""
    domcaps = facts.target.domcaps
    return not isinstance(domcaps, Unknown) and guest_of(facts).boot.loader in domcaps.loaders


def _size(side: SourceFacts | TargetFacts, path: str) -> Size | None:
    asked = side.firmware
    return asked if isinstance(asked, Unknown) else asked.get(path, Unknown(f"{side.name} was not asked."))
