"""libvirt refuses to migrate to a host with the same UUID, which is what cloned hosts have."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown, affected, finding, known, remedy


@check(
    title="Source and destination are two hosts",
    passed="Source and destination are two hosts.",
    needs=("source.identity", "target.identity"),
)
def different_hosts(facts: Facts) -> Iterator[Finding]:
    here, there = (
        known(facts.source.identity, "source.identity"),
        known(facts.target.identity, "target.identity"),
    )
    source, target = facts.source.name, facts.target.name
    affects = f"host {target}"
    if source == target:
        words = f"{affected(facts)[0]} is already on {target}."
        other = remedy("Choose another destination.")
        yield finding(Severity.BLOCKER, words, affects, {"source": source, "destination": target}, other)
    elif not (here.uuid and there.uuid):
        silent = target if here.uuid else source
        raise NotKnown("host UUID", Unknown(f"{silent} does not report its host UUID."))
    elif here.uuid.lower() == there.uuid.lower():
        words = f"{source} and {target} have the same host UUID, so libvirt refuses to migrate between them."
        text = (
            f"Set host_uuid in libvirtd.conf on {target} to a new UUID and restart libvirtd; running VMs keep running."
            " This makes a UUID."
        )
        fix = remedy(text, run="uuidgen", on=target)
        yield finding(Severity.BLOCKER, words, affects, {source: here.uuid, target: there.uuid}, fix)
    elif here.hostname and here.hostname == there.hostname:
        words = f"{source} and {target} have the same hostname, {here.hostname}; one may be taken for the other."
        fix = remedy(f"Give {target} a hostname of its own (hostnamectl hostname).")
        yield finding(Severity.WARNING, words, affects, {source: here.hostname, target: there.hostname}, fix)
