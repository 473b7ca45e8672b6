"""What it means that a host cannot be used, in plain words, and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.facts.endpoint import DEFAULT_PORTS, Endpoint, Transport
from hosts.gateway.port import Contact, ContactProblem
from hosts.models import Host

#: as much of a host's own error text as a page should carry
_LONGEST_QUOTE = 400
_START = "sudo systemctl enable --now libvirtd"

_CLOSED = {
    Host.Contact.NEVER: "was not contacted yet",
    Host.Contact.CONFIRM: "shows an ssh host key that has to be confirmed first",
    Host.Contact.AWAY: "does not answer",
    Host.Contact.DENIED: "refuses kvmweb's login",
    Host.Contact.REFUSED: "was refused: see its page",
}


def closed(host: Host) -> str:
    """Why nothing can be asked of it, "" when it answers; continues a sentence that begins with its name."""
    return "" if host.answers else _CLOSED[Host.Contact(host.contact)]


@dataclass(frozen=True, slots=True)
class Words:
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


def explain(contact: Contact, endpoint: Endpoint, *, public_key: str = "") -> Words:
    """For a contact with a problem. `public_key`: kvmweb's own line for authorized_keys."""
    where = _where(endpoint)
    machine = endpoint.address or "this machine"
    user = endpoint.user or "the account kvmweb runs as"
    quote = _quote(contact.message)
    port = endpoint.port or DEFAULT_PORTS.get(endpoint.transport, 0)
    match contact.problem:
        case ContactProblem.TIMEOUT:
            return Words(
                f"{where} did not answer within {max(contact.seconds, 1):.0f} s.{quote}",
                f"Is the machine up, may kvmweb reach port {port} through its firewall, and is libvirtd not stuck?"
                if port
                else "Is libvirtd stopped or hanging? On this machine: sudo systemctl status libvirtd",
            )
        case ContactProblem.REFUSED:
            return Words(f"{where} refused the connection.{quote}", _start_hint(endpoint, machine, port))
        case ContactProblem.NAME:
            return Words(
                f"The name {endpoint.address} does not resolve.{quote}",
                "Correct the name, add it to DNS, or enter the IP address.",
            )
        case ContactProblem.HOST_KEY_UNKNOWN:
            return Words(
                f"{where} shows the ssh host key {contact.fingerprint or 'that is not known yet'}.",
                f"Compare it. On {machine}: for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done",
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
                f"If that is the wrong user, correct it. On {machine}, add kvmweb's public key to "
                f"~/.ssh/authorized_keys of {user}{line}",
            )
        case ContactProblem.PERMISSION:
            return _permission(endpoint, user, machine, quote)
        case ContactProblem.PROTOCOL:
            return Words(
                f"Something answers at {where}, but it is not {_expected(endpoint)}.{quote}",
                "Check the port and the transport.",
            )
        case ContactProblem.NO_LIBVIRT:
            install = f"On {machine}: sudo apt install libvirt-daemon-system (or your system's package), then {_START}"
            if endpoint.transport is Transport.UNIX:
                return Words(f"No libvirt was found on this machine.{quote}", install)
            return Words(f"{where} was reached, but no libvirt was found there.{quote}", install)
        case ContactProblem.STOPPED:
            if endpoint.transport is Transport.UNIX:
                return Words(f"libvirtd is not running on this machine.{quote}", f"On {machine}: {_START}")
            return Words(f"{where} was reached, but libvirtd is not running there.{quote}", f"On {machine}: {_START}")
        case _:
            return Words(f"{where} could not be used.{quote}" if quote else f"{where} could not be used.")


def silent(host: str, seconds: float) -> str:
    return f"{host} has not answered a question for {seconds:.0f} s."


def not_kept(reason: str) -> str:
    return f"libvirt answered, but the connection to keep could not be opened: {reason}"


NOT_STORED = "kvmweb could not store what this host said; its log says why."


def _permission(endpoint: Endpoint, user: str, machine: str, quote: str) -> Words:
    if endpoint.transport is Transport.SSH:
        return Words(
            f"kvmweb logged in as {user}, but libvirt refused: {user} is not in the libvirt group, or libvirt asks "
            f"for more than that.{quote}",
            f"On {machine}: sudo usermod -aG libvirt {endpoint.user or 'USER'}. If it is in the group already, look at "
            "polkit's rules and at unix_sock_rw_perms in /etc/libvirt/libvirtd.conf.",
        )
    if endpoint.transport is Transport.UNIX:
        return Words(
            f"The local libvirt socket refused {user}: it is not in the libvirt group, or libvirt asks for more "
            f"than that.{quote}",
            f"On {machine}, for kvmweb's own account: sudo usermod -aG libvirt USER. Then restart kvmweb.",
        )
    return Words(
        f"{_where(endpoint)} asks for a login, which kvmweb cannot give over plain TCP.{quote}",
        f'Use ssh, or in a closed network on {machine} set auth_tcp = "none" in /etc/libvirt/libvirtd.conf.',
    )


def _start_hint(endpoint: Endpoint, machine: str, port: int) -> str:
    if endpoint.transport is Transport.TCP:
        return (
            f"Nothing listens on port {port} there. On {machine}: sudo systemctl enable --now libvirtd-tcp.socket, or "
            "register the host by ssh."
        )
    return f"Nothing listens on port {port} there. On {machine}: sudo systemctl enable --now ssh"


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
