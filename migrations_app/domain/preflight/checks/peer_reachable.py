"""In a peer-to-peer migration the source's libvirtd, as root, logs in to the destination's. The probe tried just that.

The remedies are chosen by words in libvirt's text. They are hints; the text itself is the evidence.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Remedy, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, known, remedy


@check(
    title="The source's libvirt reaches the destination's",
    passed="The source's libvirt reaches the destination's and may log in.",
    needs=("peer",),
)
def peer_reachable(facts: Facts) -> Iterator[Finding]:
    peer, target = known(facts.peer, "peer"), facts.target
    if not peer.reached:
        words = f"libvirt on {facts.source.name} cannot connect to libvirt on {target.name}."
        evidence = {"libvirt": peer.message, "address": target.peer_address}
        fixes = _remedies(facts.source.name, target.name, target.peer_address, peer.message.lower())
        yield finding(Severity.BLOCKER, words, f"host {target.name}", evidence, *fixes)


def _remedies(source: str, target: str, address: str, text: str) -> Iterator[Remedy]:
    ssh = shlex.join(("ssh", "-o", "BatchMode=yes", "--", address, "true"))
    if "resolve" in text or "name or service" in text:
        words = f"Make the name {address} resolve on {source}, or register an IP address."
        yield remedy(words, run=shlex.join(("getent", "hosts", "--", address)), on=source)
    elif "host key" in text:
        words = f"Accept the ssh host key of {target} as root on {source}."
        yield remedy(words, run=shlex.join(("ssh", "--", address)), on=source)
    elif "permission denied" in text or "publickey" in text:
        words = f"Put root's public ssh key of {source} into authorized_keys on {target}, then try as root:"
        yield remedy(words, run=ssh, on=source)
    elif "authentication" in text or "certificate" in text:
        yield remedy(f"Let libvirt on {target} accept root of {source} without asking for a password.")
    else:
        yield remedy(f"Check the firewall, and that libvirt listens on {target} at {address}.")
        yield remedy(f"Check how other hosts reach {target}: its peer address and transport in kvmweb.")
