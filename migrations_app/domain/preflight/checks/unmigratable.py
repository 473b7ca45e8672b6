"""Devices and features that QEMU on the source refuses to migrate. libvirt says so when the migration starts."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.guest import GuestDefinition
from hosts.facts.host import version_text
from hosts.facts.unknown import Unknown
from hosts.facts.xml import number
from migrations_app.domain.definition.unmigratable import refused
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, finding, guest_of, known, remedy, version

INVTSC = "State blocked by non-migratable CPU device (invtsc flag)"
PEER = "Migration is disabled when using feature 'peer mode' in device 'ivshmem'"


@check(
    title="The VM has no device that QEMU refuses to migrate",
    passed="No device of the VM is known to stop a migration.",
    needs=("guest.definition",),
)
def unmigratable(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    for row, path, value in refused(guest.leaves):
        if not row.since or _qemu(facts) >= row.since:
            yield _finding(facts, row.what, path, value, row.words)
    for shared in guest.shared_memory:
        if shared.role != "master":
            what = f"shared memory {shared.name} without role master"
            yield _finding(facts, what, "devices/shmem/@role", shared.role, PEER)
        elif shared.model == "ivshmem":
            what = f"shared memory {shared.name} of the old model ivshmem"
            yield _finding(facts, what, "devices/shmem/model/@type", shared.model, "'ivshmem' is not supported")
    if _unscaled_tsc(guest):
        yield _finding(facts, "the CPU feature invtsc without a TSC frequency", "cpu/feature/@name", "invtsc", INVTSC)


def _qemu(facts: Facts) -> int:
    return version(known(facts.source.identity, "source.identity").qemu, "QEMU", facts.source.name)


def _unscaled_tsc(guest: GuestDefinition) -> bool:
    """With a fixed frequency QEMU migrates it: it refuses a destination that cannot keep it."""
    scaled = "tsc" in guest.values("clock/timer/@name") and any(map(number, guest.values("clock/timer/@frequency")))
    return dict(guest.cpu.features).get("invtsc") in ("", "require", "force") and not scaled


def _finding(facts: Facts, what: str, path: str, value: str, words: str) -> Finding:
    guest = guest_of(facts).name
    evidence = {"in the definition": f"{path}={value}" if value else path, "QEMU says": words}
    identity = facts.source.identity
    if not isinstance(identity, Unknown) and identity.qemu:
        evidence[f"QEMU on {facts.source.name}"] = version_text(identity.qemu)
    fix = remedy(f"Remove or replace it; {AT_NEXT_START}")
    return finding(Severity.BLOCKER, f"{guest} has {what}: QEMU refuses to migrate it.", f"VM {guest}", evidence, fix)
