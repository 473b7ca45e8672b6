"""Where the data of the migration arrive.

The VM's memory is sent to an address of the request: it must be one of the destination's. Without any address the
destination's libvirt tells the source its own hostname. The source must then resolve that name, the data take the
network that the name leads to, and a name that begins with "localhost" is refused by libvirt.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, known, remedy


@check(
    title="The destination has the migration address",
    passed="The destination has the migration address.",
)
def migration_address(facts: Facts) -> Iterator[Finding]:
    target, options = facts.target.name, facts.request.options
    if options.migration_address:
        yield from _asked_for("migration address", options.migration_address, Severity.BLOCKER, facts)
    if options.listen_address:
        yield from _asked_for("listen address", options.listen_address, Severity.UNKNOWN, facts)
    if options.migration_address or facts.target.migration_address:
        return
    hostname = known(facts.target.identity, "target.identity").hostname
    refused = hostname.startswith("localhost")
    why = "libvirt refuses to use its hostname," if refused else "libvirt uses its hostname,"
    words = f"{target} has no migration address; {why} {hostname}."
    fix = remedy(f"Set the migration address of {target} in kvmweb.")
    severity = Severity.BLOCKER if refused else Severity.INFO
    evidence = {"hostname": hostname, "migration address": "not set"}
    yield finding(severity, words, f"host {target}", evidence, fix)


def _asked_for(what: str, address: str, unless_known: Severity, facts: Facts) -> Iterator[Finding]:
    """An address of the request; `unless_known` is said when the destination did not list its addresses."""
    host, affects = facts.target, f"address {address}"
    if address in (host.address, host.peer_address, host.migration_address):
        return
    found = host.addresses
    if not isinstance(found, Unknown) and address not in found:
        words = f"The {what} {address} is not an address of {host.name}."
        fix = remedy(f"Enter one of the IP addresses of {host.name}, or leave it out.")
        yield finding(Severity.BLOCKER, words, affects, {f"addresses of {host.name}": ", ".join(sorted(found))}, fix)
    elif isinstance(found, Unknown):
        words = f"{address} is not an address that {host.name} is registered with; it did not list its others."
        fix = remedy(f"Use an address that {host.name} is registered with, or leave it out.")
        yield finding(unless_known, words, affects, {"why": found.reason}, fix)
