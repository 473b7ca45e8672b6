"""The IP addresses of the host, as text without the prefix."""

from __future__ import annotations

from hosts.gateway.probe import NoAnswer, probe


@probe("ip", "-o", "addr", "show", asks="list its addresses")
def addresses(out: str) -> frozenset[str]:
    """A line is "2: eth0    inet 10.0.0.1/24 brd ..."."""
    rows = [line.split() for line in out.splitlines()]
    found = frozenset(row[3].partition("/")[0] for row in rows if len(row) > 3 and row[2] in ("inet", "inet6"))
    if not found:
        raise NoAnswer
    return found
