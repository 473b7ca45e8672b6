"""The destination must be able to run the CPU that the guest has now.

For KVM guests libvirt's own comparison decides (compareHypervisorCPU). It needs KVM, so for emulated guests (type qemu)
the list of models that the destination's QEMU offers is asked instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.definition.emulated import EMULATED
from migrations_app.domain.preflight.check import Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import AT_NEXT_START, NotKnown, finding, guest_of, known, remedy

#: policies of a CPU feature; without one libvirt requires it
NEEDED = ("", "require", "force")


@check(
    title="The destination can run the VM's CPU",
    passed="The destination can run the VM's CPU.",
    needs=("guest.definition",),
)
def cpu_model(facts: Facts) -> Iterator[Finding]:
    guest = guest_of(facts)
    fix = remedy(f"Choose another destination, or a CPU model that both hosts support; {AT_NEXT_START}")
    if guest.virt_type == "kvm":
        usable, said = known(facts.target.cpu, "target.cpu")
        if not usable:
            words = f"{facts.target.name} cannot run the CPU of {guest.name}."
            evidence = {"libvirt": said, "CPU": guest.cpu.model or guest.cpu.mode}
            yield finding(Severity.BLOCKER, words, "CPU", evidence, fix)
    elif guest.cpu.mode:
        yield from (finding(Severity.BLOCKER, *problem, fix) for problem in _emulated(facts))


def _emulated(facts: Facts) -> Iterator[tuple[str, str, dict[str, str]]]:
    guest, target = guest_of(facts), facts.target.name
    name, cpu = guest.name, guest.cpu
    mode = known(facts.target.domcaps, "target.domcaps").cpu_modes.get(cpu.mode)
    if mode is None or not mode.supported:
        yield (
            f"QEMU on {target} does not support CPU mode {cpu.mode}, which {name} uses.",
            "CPU",
            {"CPU mode": cpu.mode},
        )
    elif cpu.model in mode.doubtful_models:
        raise NotKnown(
            "CPU model", Unknown(f"{target} does not report whether its QEMU can run CPU model {cpu.model}.")
        )
    elif cpu.mode == "custom" and cpu.model and cpu.model not in mode.models:
        verb = "cannot run" if cpu.model in mode.blocked_models else "does not know"
        yield f"QEMU on {target} {verb} CPU model {cpu.model}, which {name} uses.", "CPU", {"CPU model": cpu.model}
    emulated = EMULATED | known(facts.target.domcaps, "target.domcaps").host_model_features
    features = [feature for feature, policy in cpu.features if policy in NEEDED and feature not in emulated]
    if features and guest.arch in ("x86_64", "i686"):
        words = f"{target} does not report whether its QEMU emulates {', '.join(sorted(features))}."
        raise NotKnown("CPU features", Unknown(words))
