"""What a failed first contact means, in plain words, and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.facts.endpoint import DEFAULT_PORTS, Endpoint, Transport
from hosts.gateway.port import Contact, ContactProblem

#: as much of a host's own error text as a page should carry
_LONGEST_QUOTE = 400
_INSTALL = (
    "On the host: sudo apt install libvirt-daemon-system (or your system's package), then "
    "sudo systemctl enable --now libvirtd"
)


@dataclass(frozen=True, slots=True)
class Words:
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


def words(contact: Contact, endpoint: Endpoint, *, public_key: str = "") -> Words:
    """For a contact with a problem. `public_key`: kvmweb's own line for authorized_keys."""
    where = _where(endpoint)
    user = endpoint.user or "the account kvmweb runs as"
    quote = _quote(contact.message)
    port = endpoint.port or DEFAULT_PORTS.get(endpoint.transport, 0)
    match contact.problem:
        case ContactProblem.TIMEOUT:
            return Words(
                f"{where} did not answer within {max(contact.seconds, 1):.0f} s.{quote}",
                f"Is the machine up, may kvmweb reach port {port} through its firewall, and is libvirtd not stuck?"
                if port
                else "Is libvirtd there stopped or hanging? On the host: sudo systemctl status libvirtd",
            )
        case ContactProblem.REFUSED:
            return Words(f"{where} refused the connection.{quote}", _start_hint(endpoint, port))
        case ContactProblem.NAME:
            return Words(
                f"The name {endpoint.address} does not resolve.{quote}",
                "Correct the name, add it to DNS, or enter the IP address.",
            )
        case ContactProblem.HOST_KEY_UNKNOWN:
            return Words(
                f"{where} shows the ssh host key {contact.fingerprint or 'that is not known yet'}.",
                "Compare it on the host: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done",
            )
        case ContactProblem.HOST_KEY_CHANGED:
            return Words(
                f"{where} shows another ssh host key than before: {contact.fingerprint or 'unknown'}.",
                "If the host was installed anew, compare the fingerprint on the host (ssh-keygen -lf) and "
                "confirm the new key. If not, somebody may be in between: do not confirm it.",
            )
        case ContactProblem.AUTH:
            line = f": {public_key}" if public_key else "."
            return Words(
                f"{where} did not let {user} log in.{quote}",
                f"Add kvmweb's public key to ~/.ssh/authorized_keys of {user} on the host{line}",
            )
        case ContactProblem.PERMISSION:
            return _permission(endpoint, user, quote)
        case ContactProblem.PROTOCOL:
            return Words(
                f"Something answers at {where}, but it is not {_expected(endpoint)}.{quote}",
                "Check the port and the transport.",
            )
        case ContactProblem.NO_LIBVIRT:
            if endpoint.transport is Transport.UNIX:
                return Words(f"No libvirt answers on this machine.{quote}", _INSTALL)
            return Words(f"{where} was reached, but no libvirt answers there.{quote}", _INSTALL)
        case _:
            return Words(f"{where} could not be used.{quote}" if quote else f"{where} could not be used.")


def _permission(endpoint: Endpoint, user: str, quote: str) -> Words:
    if endpoint.transport is Transport.SSH:
        name = endpoint.user or "USER"
        return Words(
            f"kvmweb logged in as {user}, but libvirt refused: {user} is not in the libvirt group.{quote}",
            f"On the host: sudo usermod -aG libvirt {name}",
        )
    if endpoint.transport is Transport.UNIX:
        return Words(
            f"The local libvirt socket refused {user}: it is not in the libvirt group.{quote}",
            "On this machine, for kvmweb's own account: sudo usermod -aG libvirt USER. Then restart kvmweb.",
        )
    return Words(
        f"{_where(endpoint)} asks for a login, which kvmweb cannot give over plain TCP.{quote}",
        'Use ssh, or in a closed network set auth_tcp = "none" in /etc/libvirt/libvirtd.conf on the host.',
    )


def _start_hint(endpoint: Endpoint, port: int) -> str:
    if endpoint.transport is Transport.TCP:
        return (
            f"Nothing listens on port {port} there. On the host: sudo systemctl enable --now "
            "libvirtd-tcp.socket, or register the host by ssh."
        )
    if endpoint.transport is Transport.SSH:
        return f"Nothing listens on port {port} there. On the host: sudo systemctl enable --now ssh"
    return "On this machine: sudo systemctl enable --now libvirtd"


def _expected(endpoint: Endpoint) -> str:
    return "ssh" if endpoint.transport is Transport.SSH else "libvirt"


def _where(endpoint: Endpoint) -> str:
    if endpoint.transport is Transport.UNIX:
        return "The local libvirt socket"
    return f"{endpoint.address} port {endpoint.port}" if endpoint.port else endpoint.address


def _quote(message: str) -> str:
    """The host's own words, which are hostile text: one line, short."""
    line = " ".join(message.split())
    if len(line) > _LONGEST_QUOTE:
        line = f"{line[:_LONGEST_QUOTE]}…"
    return f" Details: {line.rstrip('.')}." if line else ""
