"""What kvmweb knows of a place in a definition: who judges it, or why it needs no judge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds for a path and everything below it, unless a longer path has a rule of its own.

    `reader`: the preflight check that judges it. Without one it is harmless, or not `examined`: then the report on a
    VM that has it says so. `because` is one line for people who read the rules.
    """

    because: str = ""
    reader: str = ""
    examined: bool = True


def read(check: str) -> Rule:
    return Rule(reader=check)


def harmless(because: str) -> Rule:
    return Rule(because=because)


def not_examined(because: str) -> Rule:
    return Rule(because=because, examined=False)


#: "devices/disk/@type" or, of one value alone, "devices/disk/@type=dir", of a form, "cputune/shares~[0-9]+";
#: "devices/*/alias" is that of every device
Rules = dict[str, Rule]

SEEN_BY_GUEST = harmless("Part of the virtual hardware; QEMU makes the same on the destination.")
TUNING = harmless("Tunes how QEMU works; needs nothing of the host.")
LABEL = harmless("A name or number that libvirt gives.")
OTHER_HYPERVISOR = not_examined("Not used with QEMU and KVM.")
OTHER_ARCH = not_examined("Depends on a host of this architecture; kvmweb does not know which.")
NOT_EVERYWHERE = not_examined("A device that QEMU has only where it was built with it; libvirt does not report it.")
OF_HOST = not_examined("Something of the host that kvmweb cannot ask for.")
