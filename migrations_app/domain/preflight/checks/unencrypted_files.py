"""The option `tls` encrypts what QEMU sends. The UEFI variables of a VM that is shut off pass through kvmweb, over its
own connections to the hosts: with plain TCP they would go unencrypted. What else may pass so, `source_start` says."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import PAUSED_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, remedy
from migrations_app.domain.preflight.streams import unencrypted


@check(
    title="Files that pass through kvmweb are encrypted where that is wanted",
    passed="No UEFI variables pass through kvmweb, or nothing keeps them from being sent as wanted.",
    kinds=PAUSED_KINDS,
)
def unencrypted_files(facts: Facts) -> Iterator[Finding]:
    why, path = unencrypted(facts), guest_of(facts).boot.nvram
    if not (why and path) or _none_yet(facts, path):
        return
    words = f"kvmweb copies the UEFI variables of {guest_of(facts).name} itself. {why}"
    ways = (
        remedy("Let kvmweb reach it by ssh or TLS: edit the host in kvmweb."),
        remedy("Or turn TLS off."),
    )
    yield finding(Severity.BLOCKER, words, f"file {path}", {"file": path}, *ways)


def _none_yet(facts: Facts, path: str) -> bool:
    """Nothing is read, and nothing sent."""
    sizes = facts.source.firmware
    return not isinstance(sizes, Unknown) and path in sizes and sizes[path] is None
