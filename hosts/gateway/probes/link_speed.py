"""The nominal rate of the network interface by which a host reaches an address, in bytes per second."""

from __future__ import annotations

from hosts.gateway.probe import NoAnswer, probe

#: a name is looked up as libvirt would; an interface without a rate (a tunnel) says so by an error, or by -1
_SCRIPT = """\
set -- $(getent ahosts "$1" | head -n 1)
test -n "$1" || exit 1
dev=$(ip -o route get "$1" | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')
test -n "$dev" || exit 1
cat "/sys/class/net/$dev/speed" 2>/dev/null || echo -1
"""
#: a line says Mbit/s
_BYTES = 1_000_000 / 8
_MOST = 10_000_000


@probe("sh", "-c", _SCRIPT, "sh", asks="say how fast its network interface is")
def link_speed(out: str) -> float | None:
    """None: the interface has no rate of its own."""
    try:
        megabits = int(out.strip()[:12])
    except ValueError:
        raise NoAnswer from None
    return megabits * _BYTES if 0 < megabits < _MOST else None
