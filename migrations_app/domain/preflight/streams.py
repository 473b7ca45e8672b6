"""The disks of a VM that its host cannot start: whether kvmweb may copy them itself, and in which parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hosts.facts.storage import Part
from migrations_app.domain.own_files import has_emulated_tpm, tpm_elsewhere
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import guest_of
from migrations_app.domain.preflight.whole import why_not_whole

#: a part of a large disk is larger: each is written down
_PART = 64 * 1024**2
_MOST_PARTS = 128


def why_not_stream(facts: Facts) -> str:
    """Sentences, "" when kvmweb can."""
    if why := unencrypted(facts):
        return f"kvmweb cannot copy it either. {why}"
    guest = guest_of(facts)
    if has_emulated_tpm(guest) and tpm_elsewhere(guest):
        return "kvmweb cannot copy it either: the state of its TPM is not in libvirt's own place."
    copied = storage.copied_disks(facts)
    found = ((disk.target, why_not_whole(facts, disk)) for disk in guest.disks if disk.target in copied)
    return " ".join(f"kvmweb cannot copy it either: disk {target} {why}." for target, why in found if why)


def unencrypted(facts: Facts) -> str:
    """Why nothing of a VM may pass through kvmweb, a sentence; "" when it may."""
    plain = [host.name for host in (facts.source, facts.target) if host.plain]
    if not (facts.request.options.tls and plain):
        return ""
    return f"The migration is to be encrypted, and kvmweb reaches {' and '.join(plain)} by plain TCP."


def foretold(findings: Iterable[Mapping[str, Any]]) -> bool:
    """Whether these, as they are stored, say that the source cannot start it, so that kvmweb will copy them."""
    return any((one["check"], one["severity"]) == ("source_start", Severity.WARNING) for one in findings)


def parts(size: int) -> Iterator[Part]:
    """Of a file of this size, in order."""
    length = max(_PART, math.ceil(size / _MOST_PARTS / _PART) * _PART)
    for offset in range(0, size, length):
        yield Part(offset=offset, length=min(length, size - offset))
