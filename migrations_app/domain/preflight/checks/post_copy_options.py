"""Options that QEMU or libvirt cannot combine with post-copy. QEMU sends memory over several connections and then by
post-copy since 10.1; 8.0 to 10.0 refuse it, and older ones accept it and may lose the VM."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.kinds import Kind
from migrations_app.domain.option_encoding import XBZRLE
from migrations_app.domain.preflight.check import Finding, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.post_copy import against, wanted
from migrations_app.domain.preflight.shared import known, remedy, version

PARALLEL = 10_001_000


@check(
    title="The options can be combined with post-copy",
    passed="Nobody asks for post-copy, or it can be combined with the other options.",
    kinds=frozenset({Kind.LIVE}),
)
def post_copy_options(facts: Facts) -> Iterator[Finding]:
    if not wanted(facts):
        return
    options = facts.request.options.plain()
    if options.compression == XBZRLE:
        words = "Post-copy and the compression xbzrle cannot be combined: most of such migrations fail."
        yield against(facts, words, {"compression": XBZRLE}, remedy("Choose no compression."))
    if options.parallel_connections:
        qemu = _qemu(facts)
        if old := [host for host, number in qemu.items() if number < PARALLEL]:
            words = "Post-copy over parallel connections needs QEMU 10.1 or later on both hosts."
            evidence = {host: f"QEMU {version_text(number)}" for host, number in qemu.items()}
            fix = remedy(f"Send over one connection, or update QEMU on {' and '.join(old)}.")
            yield against(facts, words, evidence, fix)
    if facts.guest.paused:
        words = "The VM is paused, and libvirt has no post-copy for a VM that does not run."
        yield against(facts, words, {"VM": "paused"}, remedy("Resume the VM."))


def _qemu(facts: Facts) -> dict[str, int]:
    sides = ((facts.source, "source.identity"), (facts.target, "target.identity"))
    return {side.name: version(known(side.identity, what).qemu, "QEMU", side.name) for side, what in sides}
