"""Devices that a program outside of QEMU provides (vhost-user). It has to wait for memory as QEMU does, and not every
such program can."""

from __future__ import annotations

from collections.abc import Iterator

from migrations_app.domain.kinds import Kind
from migrations_app.domain.preflight.check import Finding, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.post_copy import against, wanted
from migrations_app.domain.preflight.shared import guest_of

_OUTSIDE = "vhostuser"


@check(
    title="The VM's devices support post-copy",
    passed="Nobody asks for post-copy, or the VM's devices support it.",
    kinds=frozenset({Kind.LIVE}),
)
def post_copy_devices(facts: Facts) -> Iterator[Finding]:
    if not wanted(facts):
        return
    guest = guest_of(facts)
    outside = [f"network card {nic.mac}" for nic in guest.nics if nic.type == _OUTSIDE]
    outside += [f"disk {disk.target}" for disk in guest.disks if disk.type == _OUTSIDE]
    for device in outside:
        words = f"kvmweb cannot tell whether the program behind the {device} (vhost-user) supports post-copy."
        yield against(facts, words, {device: _OUTSIDE}, unsure=True)
