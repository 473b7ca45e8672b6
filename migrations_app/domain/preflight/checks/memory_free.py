"""Does the guest's memory fit into what the destination has free?

What the guest can touch now (its current memory, which the balloon may keep below the maximum) is needed in the worst
case: more than is free ends with the kernel killing a VM there, perhaps another one, so it blocks. The maximum is
needed only when the balloon is deflated: a warning. QEMU itself takes some more for devices, video memory and its heap;
256 MiB is on the high side for a guest without special devices. Free is what the kernel calls available, where it can
be asked (ssh). libvirt's numbers count all caches as free, shared memory too, which the kernel does not give up. Swap
does not count. Memory in huge pages is a store of its own; libvirt does not report here what is free of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import KIB, finding, guest_of, known, remedy, size, sizes
from migrations_app.domain.virsh import virsh

OVERHEAD_KIB = 256 * 1024
#: QEMU takes all of the memory when it starts
ALL_AT_ONCE = {("memoryBacking/locked", ""), ("memoryBacking/allocation/@mode", "immediate")}


@check(
    title="The destination has enough free memory",
    passed="The destination has enough free memory.",
    needs=("guest.definition", "target.memory"),
)
def memory_free(facts: Facts) -> Iterator[Finding]:
    guest, source, target = guest_of(facts), facts.source.name, facts.target.name
    if guest.hugepages:
        look = remedy("See how many are free.", run=virsh("freepages", flags=("--all",)), on=target)
        words = f"{guest.name} uses huge pages; kvmweb cannot tell whether {target} has enough of them free."
        yield finding(Severity.UNKNOWN, words, "memory", {"needed": size(guest.memory_kib * KIB)}, look)
        return
    memory = known(facts.target.memory, "target.memory")
    at_once = not ALL_AT_ONCE.isdisjoint(guest.leaves)
    now = (guest.memory_kib if at_once else guest.current_memory_kib or guest.memory_kib) + OVERHEAD_KIB
    most = guest.memory_kib + OVERHEAD_KIB
    needs, grows, free, total = sizes(*(kib * KIB for kib in (now, most, memory.free_kib, memory.total_kib)))
    evidence = {
        "needed now": needs,
        "needed at most": grows,
        f"free on {target}": free,
        f"total on {target}": total,
    }
    elsewhere = remedy(f"Migrate other VMs away from {target}, or choose another destination.")
    if now > memory.free_kib:
        words = f"{target} has {free} of memory free; {guest.name} needs {needs}."
        # no command: only the VM's owner knows how much it can do without
        shrink = remedy(f"Or shrink {guest.name} on {source} with its balloon (virsh setmem --live).")
        yield finding(Severity.BLOCKER, words, "memory", evidence, elsewhere, shrink)
    elif most > memory.free_kib:
        words = f"{target} has {free} of memory free; {guest.name} may grow to {grows}."
        yield finding(Severity.WARNING, words, "memory", evidence, elsewhere)
