"""What libvirt keeps of a running guest outside its definition ends with the QEMU process on the source."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.runtime import NO_LIMIT
from migrations_app.domain.kinds import LIVE_KINDS
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, guest_of, known, remedy, size
from migrations_app.domain.virsh import virsh

#: what QEMU gives an IOThread
POLLING_NS = 32768


@check(
    title="The VM has no setting outside its definition",
    passed="The VM has no setting outside its definition.",
    needs=("guest.definition", "guest.runtime"),
    kinds=LIVE_KINDS,
)
def runtime_settings(facts: Facts) -> Iterator[Finding]:
    guest, found = guest_of(facts), known(facts.guest.runtime, "guest.runtime")
    name, source, target = guest.name, facts.source.name, facts.target.name
    if found.monitor:
        words = f"{name} got commands with virsh qemu-monitor-command. What they changed does not migrate."
        fix = remedy(
            f"Find out which commands were given on {source}, and repeat them on {target} after the migration."
        )
        yield finding(Severity.WARNING, words, f"VM {name}", {"libvirt says": "custom monitor commands"}, fix)
    for disk, count in found.thresholds.items():
        words = f"The write threshold of disk {disk} ({size(count)}) does not migrate with {name}."
        again = virsh("domblkthreshold", guest.uuid, disk, str(count))
        fix = remedy("Set it again after the migration.", run=again, on=target)
        yield finding(Severity.WARNING, words, f"disk {disk}", {"threshold": size(count)}, fix)
    kept = any(path.startswith("iothreadids/iothread/poll") for path, _ in guest.leaves)  # since libvirt 9.4
    for number, longest in found.polling.items():
        if longest != POLLING_NS and not kept:
            words = f"How long IOThread {number} polls does not migrate with {name}: {target} has QEMU's default."
            again = virsh("iothreadset", guest.uuid, str(number), flags=("--poll-max-ns", str(longest), "--live"))
            fix = remedy("Set it again after the migration.", run=again, on=target)
            evidence = {source: f"{longest} ns", target: f"{POLLING_NS} ns"}
            yield finding(Severity.WARNING, words, f"IOThread {number}", evidence, fix)
    if found.speed_mib is not None and facts.request.options.bandwidth_mib is None:
        speed = f"{found.speed_mib} MiB/s"
        words = (
            f"virsh migrate-setspeed limits the migrations of {name} to {speed}, this one too. The limit ends with it."
        )
        lift = virsh("migrate-setspeed", guest.uuid, str(NO_LIMIT))
        yield finding(Severity.INFO, words, f"VM {name}", {"limit": speed}, remedy("Lift it.", run=lift, on=source))
