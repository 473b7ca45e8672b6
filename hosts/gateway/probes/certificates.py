"""Until when the certificates are valid that libvirt and QEMU show to other hosts: of each the one that ends first.

Where libvirt looks for them when its configuration names no other place. Only their public part is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hosts.facts.certificate import valid_until
from hosts.gateway.probe import NoAnswer, probe

LIBVIRT, QEMU = "libvirt", "QEMU"
_SCRIPT = """\
show() {
  for p in "$2" "$3"; do
    if test -f "$p" && test -r "$p"; then echo "== $1"; cat -- "$p"; echo; fi
  done
}
show libvirt /etc/pki/libvirt/servercert.pem /etc/pki/libvirt/clientcert.pem
d=/etc/pki/libvirt-migrate
test -d "$d" || d=/etc/pki/qemu
show QEMU "$d/server-cert.pem" "$d/client-cert.pem"
"""


@probe("sh", "-c", _SCRIPT, asks="show its certificates")
def certificates(out: str) -> Mapping[str, datetime]:
    """By whose it is; without those that are not there or that this user may not read."""
    found: dict[str, datetime] = {}
    for part in f"\n{out}".split("\n== ")[1:]:
        whose, _, text = part.partition("\n")
        if whose not in (LIBVIRT, QEMU):
            continue  # a line of a file
        try:
            until = valid_until(text)
        except ValueError:
            raise NoAnswer from None
        found[whose] = min(until, found.get(whose, until))
    return found
