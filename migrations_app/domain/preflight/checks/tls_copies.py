"""Encrypted copies of disks together with parallel connections, without a name for the destination's certificate.

libvirt before 10.3 tells QEMU an empty name for the disks then, and no certificate is for that: "Certificate does not
match the hostname". With the option `tls_name` it tells that one.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, known, remedy, version

FIXED = 10_003_000


@check(
    title="The source's libvirt can encrypt the copies of disks",
    passed="Nothing known of this libvirt prevents encrypted copies of disks.",
    kinds=LIVE_KINDS,
)
def tls_copies(facts: Facts) -> Iterator[Finding]:
    options, source = facts.request.options, facts.source.name
    if not (options.tls and options.copy_disks and options.parallel_connections) or options.tls_name:
        return
    have = version(known(facts.source.identity, "source.identity").libvirt, "libvirt", source)
    if have >= FIXED:
        return
    words = (
        f"libvirt {version_text(have)} on {source} cannot encrypt copies of disks while memory is sent over parallel"
        " connections, unless it is told the name in the destination's certificate."
    )
    evidence = {source: version_text(have), "fixed in": version_text(FIXED)}
    fix = remedy(f"Enter the name in the certificate of {facts.target.name} (tls_name), or send over one connection.")
    yield finding(Severity.BLOCKER, words, "option tls", evidence, fix)
