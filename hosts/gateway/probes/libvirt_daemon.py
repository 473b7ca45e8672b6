"""What is the matter with libvirt on a host where a connection failed: "present" (a daemon listens), "denied",
"stopped", "missing", or "helpless" (a daemon listens, and nothing connects ssh to its socket). Asked in a first
contact, which reads failures of its own."""

from __future__ import annotations

from hosts.gateway.probe import NoAnswer, probe

#: systemd may hold the socket of a daemon that does not start; with hidepid, the kernel tells nothing about processes
_SCRIPT = """\
for socket in /run/libvirt/virtqemud-sock /run/libvirt/libvirt-sock /var/run/libvirt/libvirt-sock; do
  if test -S "$socket"; then
    if ! test -w "$socket"; then echo denied
    elif test -r /proc/net/unix && ! grep -q "/libvirt/${socket##*/}\\$" /proc/net/unix; then echo stopped
    elif test -r /proc/1/comm && ! cat /proc/[0-9]*/comm 2>/dev/null | grep -qxE 'libvirtd|virtqemud|virtproxyd'
    then echo stopped
    elif command -v virt-ssh-helper >/dev/null; then echo present
    elif command -v nc >/dev/null && test -S /run/libvirt/libvirt-sock; then echo present
    else echo helpless; fi
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
    if said not in ("present", "denied", "stopped", "missing", "helpless"):
        raise NoAnswer
    return said
