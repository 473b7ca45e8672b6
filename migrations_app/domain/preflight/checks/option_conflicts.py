"""Options that the libvirt or QEMU of one of the hosts does not have, or cannot combine.

libvirt or QEMU would refuse most of them, some only after the start; and old versions accept some without doing
anything: QEMU 7.2 sends no differences (xbzrle) over parallel connections, and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts.host import version_text
from migrations_app.domain.option_encoding import XBZRLE
from migrations_app.domain.options import OPTIONS, Option
from migrations_app.domain.preflight.check import ALL, Finding, Severity, check
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, known, remedy, stays, version


@check(
    title="The hosts support the options",
    passed="libvirt and QEMU support the options.",
    kinds=ALL,
)
def option_conflicts(facts: Facts) -> Iterator[Finding]:
    options = facts.request.options.plain()
    wanted = [(option, option.since(options[option.name])) for option in OPTIONS if options[option.name]]
    for option, (libvirt, qemu) in wanted:
        yield from _too_old(option, "libvirt", libvirt, facts)
        yield from _too_old(option, "QEMU", qemu, facts)
    if options.compression == XBZRLE and options.parallel_connections:
        have = " and ".join(f"{host} has {versions}" for host, versions in _versions(facts).items())
        words = f"QEMU cannot send differences (xbzrle) over parallel connections; {have}."
        fix = remedy("Choose another compression, or send over one connection.")
        yield finding(Severity.BLOCKER, words, "option compression", _versions(facts), fix)
    if options.compression_level and not facts.sends_levels:
        words = "kvmweb cannot ask for a compression level: it uses a libvirt older than 9.4 itself."
        fix = remedy("Remove the compression level, or update the libvirt client library where kvmweb runs.")
        yield finding(Severity.BLOCKER, words, "option compression_level", {}, fix)


def _too_old(option: Option, what: str, since: int, facts: Facts) -> Iterator[Finding]:
    numbers = _numbers(what, facts) if since else {}
    old = [host for host, number in numbers.items() if number < since]
    if old:
        have = " and ".join(f"{host} has {what} {version_text(number)}" for host, number in numbers.items())
        where = "" if stays(facts) else " on both hosts"
        words = f"{option.label}: needs {what} {version_text(since)} or later{where}; {have}."
        fix = remedy(f"Migrate without this option, or update {what} on {' and '.join(old)}.")
        yield finding(Severity.BLOCKER, words, f"option {option.name}", _versions(facts), fix)


def _numbers(what: str, facts: Facts) -> dict[str, int]:
    here, there = known(facts.source.identity, "source.identity"), known(facts.target.identity, "target.identity")
    sides = ((facts.source.name, here), (facts.target.name, there))
    return {host: version(one.libvirt if what == "libvirt" else one.qemu, what, host) for host, one in sides}


def _versions(facts: Facts) -> dict[str, str]:
    libvirt, qemu = _numbers("libvirt", facts), _numbers("QEMU", facts)
    return {host: f"libvirt {version_text(libvirt[host])}, QEMU {version_text(qemu[host])}" for host in libvirt}
