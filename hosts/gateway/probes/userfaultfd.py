"""Whether a QEMU that does not run as root may wait for memory in post-copy (userfaultfd).

From Linux 5.11 on, "0" leaves it userfaultfd for its own accesses only, and QEMU needs those of the kernel too.
"""

from __future__ import annotations

from hosts.gateway.probe import NoAnswer, probe


@probe(
    "cat",
    "/proc/sys/vm/unprivileged_userfaultfd",
    asks="say whether its kernel lets QEMU do post-copy (vm.unprivileged_userfaultfd)",
)
def userfaultfd(out: str) -> bool:
    if out.strip() not in ("0", "1"):
        raise NoAnswer
    return out.strip() == "1"
