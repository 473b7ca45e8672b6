"""Whether the destination's kernel lets QEMU do post-copy. Nobody has to ask where QEMU is root, who always may."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from hosts.facts.unknown import Unknown
from hosts.gateway.probes.userfaultfd import userfaultfd as userfaultfd_probe
from migrations_app.domain.preflight.facts.host import NOT_ASKED
from migrations_app.worker.facts.side import Side, ssh_only

_ROOT = 0


def userfaultfd(side: Side, there: Future[dict[str, Any]]) -> bool | Unknown:
    """`there`: what the host tells of itself."""
    capabilities = there.result()["capabilities"]
    if isinstance(capabilities, Unknown) or capabilities.qemu_uid == _ROOT:
        return NOT_ASKED
    found = side.learn(lambda c: c.probe(userfaultfd_probe))
    return ssh_only(side) if found is None else found
