"""Certificates that expire soon. When that of a host has expired, nobody connects to it by TLS any more, and its
libvirtd does not start again; when QEMU's has, no migration is encrypted; when kvmweb's has, it connects to no host."""

from __future__ import annotations

import math
from collections.abc import Iterator

from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, known, remedy, stays

SOON_DAYS, VERY_SOON_DAYS = 30, 7
KVMWEB, QEMU = "kvmweb", "QEMU on "


@check(
    title="The certificates stay valid",
    passed=f"No certificate that kvmweb sees expires within {SOON_DAYS} days.",
    kinds=ALL,
)
def certificates_valid(facts: Facts) -> Iterator[Finding]:
    days = dict(known(facts.source.certificates, "source.certificates"))
    if not stays(facts):
        days |= known(facts.target.certificates, "target.certificates")
    for whose, left in days.items():
        if left >= SOON_DAYS:
            continue
        severity = Severity.WARNING if left < VERY_SOON_DAYS else Severity.INFO
        whole = max(0, math.floor(left))
        soon = f"expires in {whole} day{'' if whole == 1 else 's'}"
        words = f"The certificate of {whose} {'has expired' if left <= 0 else soon}."
        yield finding(severity, words, whose, {"days left": str(whole)}, remedy(f"Put a new one into {_place(whose)}."))


def _place(whose: str) -> str:
    if whose == KVMWEB:
        return "the folder pki of its data folder"
    if whose.startswith(QEMU):
        return "/etc/pki/libvirt-migrate there, or if there is no such folder, /etc/pki/qemu"
    return "/etc/pki/libvirt, and restart libvirtd there"
