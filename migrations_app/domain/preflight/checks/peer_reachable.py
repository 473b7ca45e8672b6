"""In a peer-to-peer migration the source's libvirtd, as root, logs in to the destination's. The probe tries that."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding, Remedy, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.facts.host import HostFacts
from migrations_app.domain.preflight.shared import finding, known, remedy


@check(
    title="The source's libvirt can connect to the destination's",
    passed="The source's libvirt can connect to the destination's.",
    needs=("peer",),
)
def peer_reachable(facts: Facts) -> Iterator[Finding]:
    peer, source, target = known(facts.peer, "peer"), facts.source.name, facts.target
    if peer.reached:
        return
    if not target.peer_address:
        words = f"{target.name} has no address by which libvirt on {source} could connect to it."
        fix = remedy(f"Enter the address for other hosts on the page of {target.name}.")
        yield finding(Severity.BLOCKER, words, f"host {target.name}", {"peer address": "none"}, fix)
    elif not peer.tried:
        words = f"kvmweb did not test whether libvirt on {source} can connect to libvirt on {target.name}."
        why, fix = "libvirt tests it only with a VM that it has", remedy(f"Check any VM of {source}: that tests it.")
        yield finding(Severity.INFO, words, f"host {target.name}", {"why": why}, fix)
    else:
        words = f"libvirt on {source} cannot connect to libvirt on {target.name}."
        said = {"libvirt": peer.message, "address": target.peer_address}
        said |= {"user": target.peer_user} if target.peer_user else {}
        fixes = _remedies(source, target, peer.message.lower())
        yield finding(Severity.BLOCKER, words, f"host {target.name}", said, *fixes)


def _remedies(source: str, there: HostFacts, text: str) -> Iterator[Remedy]:
    """Chosen by words in libvirt's text. They are hints; the text itself is the evidence."""
    target, address, user = there.name, there.peer_address, there.peer_user or "root"
    login = ("-l", there.peer_user) if there.peer_user else ()
    if "resolve" in text or "name or service" in text:
        words = f"Make the name {address} resolve on {source}, or register an IP address. This checks the name."
        yield remedy(words, run=shlex.join(("getent", "hosts", "--", address)), on=source)
    elif "host key" in text:
        words = f"As root on {source}, connect to {target} once and accept its ssh host key."
        yield remedy(words, run=shlex.join(("ssh", *login, "--", address)), on=source)
    elif "permission denied (" in text or "publickey" in text:
        words = f"Add root's public ssh key of {source} to authorized_keys of {user} on {target}. Test it as root."
        yield remedy(words, run=shlex.join(("ssh", "-o", "BatchMode=yes", *login, "--", address, "true")), on=source)
    elif "permission denied" in text and user != "root":
        words = f"ssh lets {user} in, but libvirt on {target} does not: put {user} into the group libvirt there."
        yield remedy(words, run=shlex.join(("usermod", "-aG", "libvirt", user)), on=target)
    elif "authentication" in text or "certificate" in text:
        tls = f"with TLS by certificates of one CA, that of {target} for {address}"
        yield remedy(f"Let libvirt on {target} accept root of {source} without a password, or {tls}.")
    else:
        yield remedy(f"Check the firewall, and that libvirt listens on {target} at {address}.")
        yield remedy(f"Check how other hosts connect to {target}: its page in kvmweb has address and transport.")
