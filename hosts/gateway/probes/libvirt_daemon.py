"""What is the matter with libvirt on a host where it does not answer: "present" (somebody listens), "denied", "stopped"
or "missing". Asked in a first contact, which reads failures of its own."""

from __future__ import annotations

from hosts.gateway.probe import NoAnswer, probe

_SCRIPT = """\
for socket in /run/libvirt/virtqemud-sock /run/libvirt/libvirt-sock /var/run/libvirt/libvirt-sock; do
  if test -S "$socket"; then
    if ! test -w "$socket"; then echo denied
    elif ! test -r /proc/net/unix || grep -q "/libvirt/${socket##*/}\\$" /proc/net/unix; then echo present
    else echo stopped; fi
    exit 0
  fi
done
if test -d /run/libvirt && ! test -x /run/libvirt; then echo denied
elif test -x /usr/sbin/libvirtd || test -x /usr/sbin/virtqemud; then echo stopped
else echo missing; fi
"""


@probe("sh", "-c", _SCRIPT, asks="say what is the matter with its libvirt")
def libvirt_daemon(out: str) -> str:
    """The last line; a login may greet before it."""
    said = (out.strip().splitlines() or [""])[-1]
    if said not in ("present", "denied", "stopped", "missing"):
        raise NoAnswer
    return said
