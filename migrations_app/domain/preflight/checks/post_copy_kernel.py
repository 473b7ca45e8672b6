"""Whether the destination's kernel lets QEMU wait for memory that has not come. libvirt refuses the migration where it
does not, and the VM stays.

QEMU as root always may. Another user needs vm.unprivileged_userfaultfd, or from QEMU 8.0 on /dev/userfaultfd.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import Kind
from migrations_app.domain.preflight.check import Finding, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.post_copy import against, wanted
from migrations_app.domain.preflight.shared import known, remedy

SETTING, DEVICE = "vm.unprivileged_userfaultfd", "/dev/userfaultfd"
_ROOT = 0
_DEVICE_FROM = 8_000_000


@check(
    title="The destination's kernel allows post-copy",
    passed="Nobody asks for post-copy, or QEMU on the destination may do it.",
    kinds=frozenset({Kind.LIVE}),
)
def post_copy_kernel(facts: Facts) -> Iterator[Finding]:
    if not wanted(facts):
        return
    target = facts.target.name
    uid = known(facts.target.capabilities, "target.capabilities").qemu_uid
    if uid == _ROOT:
        return
    allowed = facts.target.userfaultfd
    if allowed is True:
        return
    who = f"QEMU on {target} does not run as root" if uid else f"QEMU on {target} may not run as root"
    if isinstance(allowed, Unknown):
        words = f"kvmweb cannot tell whether post-copy is allowed: {who}, and {allowed.reason}"
        look = remedy("Look there: 1 allows it.", run=f"sysctl {SETTING}", on=target)
        yield against(facts, words, {}, look, unsure=True)
        return
    qemu = known(facts.target.identity, "target.identity").qemu
    words = f"{who}, and its kernel does not let such a program do post-copy ({SETTING} is 0)."
    if qemu >= _DEVICE_FROM:
        words += f" It can do it all the same if it may open {DEVICE}; kvmweb cannot tell."
    fix = remedy(f"Allow it on {target}.", run=f"sysctl -w {SETTING}=1", on=target)
    yield against(facts, words, {target: f"{SETTING} = 0"}, fix, unsure=not uid or qemu >= _DEVICE_FROM)
