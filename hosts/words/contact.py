"""Why a host cannot be used, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hosts.facts.contact import Contact, ContactProblem
from hosts.facts.endpoint import DEFAULT_PORTS, Endpoint, Transport
from hosts.models import Host
from hosts.words.contact_case import LIBVIRT_LOG, Case, Said
from hosts.words.contact_tls import TLS_SAID

#: as much of a host's own error text as a page should carry
_LONGEST_QUOTE = 400
_START = (
    "sudo systemctl enable --now libvirtd (where libvirt runs as modular daemons: "
    "sudo systemctl enable --now virtqemud.socket)"
)

_CLOSED = {
    Host.Contact.NEVER: "was not contacted yet",
    Host.Contact.CONFIRM: "shows an ssh host key that has to be confirmed first",
    Host.Contact.AWAY: "is not reachable",
    Host.Contact.DENIED: "refuses kvmweb's login",
    Host.Contact.REFUSED: "is not used (its page says why)",
}


def closed(host: Host) -> str:
    """Why nothing can be asked of it, "" when it is connected; continues a sentence that begins with its name."""
    return "" if host.answers else _CLOSED[Host.Contact(host.contact)]


def unreachable(host: Host, said: str) -> tuple[str, str]:
    """(sentence, remedy) for a connection that could not be opened. The watcher, which connects step by step, knows
    the likely cause."""
    if host.answers:
        return f"{host.name} is not reachable: {said}", "kvmweb is connecting again. Check again in a few seconds."
    return f"{host.name} {closed(host)}: {said}", host.contact_text or f"The page of {host.name} says what to do."


@dataclass(frozen=True, slots=True)
class Words:
    """What is true, what to do, and the text of ssh, libvirt or the system as it came, on one line."""

    message: str
    remedy: str = ""
    details: str = ""

    @property
    def text(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def __str__(self) -> str:
        return with_details(self.text, self.details)


def with_details(text: str, details: str) -> str:
    return f"{text} Details: {details}" if details else text


def explain(contact: Contact, endpoint: Endpoint, *, public_key: str = "") -> Words:
    """For a contact with a problem. `public_key`: kvmweb's own line for authorized_keys."""
    problem = contact.problem or ContactProblem.OTHER
    message, remedy = _SAID[problem](Case(contact, endpoint, public_key))
    return Words(message, remedy, one_line(contact.message))


def lost(reason: str) -> Words:
    """A connection that was open has ended; `reason` as the gateway says it."""
    return Words("kvmweb lost the connection and is connecting again.", details=one_line(reason))


def silent(host: str, seconds: float) -> str:
    return f"{host} has not answered for {seconds:.0f} s."


def not_kept(reason: str) -> Words:
    return Words(
        "libvirt answered, but a second connection to it failed.",
        "kvmweb tries again. If this stays, libvirt may have reached max_clients in /etc/libvirt/libvirtd.conf.",
        one_line(reason),
    )


NOT_STORED = "kvmweb could not store what this host answered. The log of the watcher says why."


def one_line(message: str) -> str:
    """Hostile text of a host: one line, short."""
    line = " ".join(message.split())
    return f"{line[:_LONGEST_QUOTE]}…" if len(line) > _LONGEST_QUOTE else line


def _timeout(case: Case) -> Said:
    message = f"{case.where} did not answer within {max(case.contact.seconds, 1):.0f} s."
    if case.local:
        return message, "libvirtd may hang. On this machine: sudo systemctl status libvirtd"
    return message, (
        f"Check that the machine is up and that its firewall lets kvmweb reach port {case.port}. "
        f"If so, libvirtd may hang. {case.on} sudo systemctl status libvirtd"
    )


def _refused(case: Case) -> Said:
    message = f"{case.where} refused the connection."
    nobody = f"Probably nothing listens on port {case.port} there. {case.on}"
    if case.ssh:
        return message, f"{nobody} sudo systemctl enable --now ssh (or sshd)"
    unit = "libvirtd-tls.socket" if case.tls else "libvirtd-tcp.socket"
    return message, f"{nobody} sudo systemctl enable --now {unit}, or register the host by ssh."


def _unreachable(case: Case) -> Said:
    return (
        f"There is no network route to {case.where}.",
        f"Check the address, the network between kvmweb and {case.machine}, and whether a firewall rejects port "
        f"{case.port}. On kvmweb's machine: ping {case.machine}",
    )


def _name(case: Case) -> Said:
    return (
        f"The name {case.endpoint.address} does not resolve.",
        "Correct the name, add it to DNS, or enter the IP address.",
    )


def _key_unknown(case: Case) -> Said:
    return (
        f"{case.where} shows the ssh host key {case.fingerprint}.",
        f"Compare it. {case.on} for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done",
    )


def _key_changed(case: Case) -> Said:
    return (
        f"{case.where} shows another ssh host key than before: {case.fingerprint}.",
        "If the host was reinstalled, compare the fingerprints and trust the new key. If not, the connection may be "
        "intercepted: do not trust it.",
    )


def _auth(case: Case) -> Said:
    line = f": {case.public_key}" if case.public_key else "."
    return (
        f"{case.where} did not let {case.user} log in.",
        f"If this is the wrong user, correct it. Otherwise, on {case.machine}, add kvmweb's public key to "
        f"~/.ssh/authorized_keys of {case.user}{line}",
    )


def _ssh_closed(case: Case) -> Said:
    return (
        f"{case.where} accepted the connection, but its ssh server closed it before the login.",
        f"It may limit logins (MaxStartups, AllowUsers) or block this address (fail2ban). "
        f"{case.on} sudo journalctl -u ssh -u sshd -n 50",
    )


def _ssh_terms(case: Case) -> Said:
    return (
        f"The ssh server at {case.where} and kvmweb's ssh have no algorithm in common.",
        f"Update OpenSSH on {case.machine}, or allow current algorithms and ed25519 keys in /etc/ssh/sshd_config there "
        "(KexAlgorithms, HostKeyAlgorithms, PubkeyAcceptedAlgorithms).",
    )


def _permission(case: Case) -> Said:
    if case.ssh:
        return (
            f"kvmweb logged in as {case.user}, but libvirt refused access: {case.user} is not in the libvirt group, or "
            "polkit does not allow it.",
            f"{case.on} sudo usermod -aG libvirt {case.endpoint.user or 'USER'}. If it is in the group already, check "
            "polkit's rules and unix_sock_rw_perms in /etc/libvirt/libvirtd.conf.",
        )
    if case.local:
        return (
            f"The local libvirt socket refused access: {case.user} is not in the libvirt group, or polkit does not "
            "allow it.",
            f"{case.on} sudo usermod -aG libvirt USER, with the account that runs kvmweb as USER. Then restart kvmweb.",
        )
    if case.tls:
        return (
            f"{case.where} asks for a login besides the certificate, which kvmweb cannot give.",
            f'Use ssh, or on {case.machine} set auth_tls = "none" in /etc/libvirt/libvirtd.conf.',
        )
    return (
        f"{case.where} asks for a login, which kvmweb cannot give over plain TCP.",
        f'Use ssh, or in a closed network on {case.machine} set auth_tcp = "none" in /etc/libvirt/libvirtd.conf.',
    )


def _protocol(case: Case) -> Said:
    if case.ssh:
        return f"{case.where} answers, but not as an ssh server.", "Check the address, the port and the transport."
    if case.tls:
        return (
            f"{case.where} answers, but not as libvirt with TLS.",
            f"Check the port and the transport. If they are right: {case.on} {LIBVIRT_LOG}",
        )
    if case.port == DEFAULT_PORTS[Transport.TLS]:
        return f"{case.where} is libvirt's port for TLS.", "Choose tls as the transport."
    return (
        f"{case.where} accepted the connection, but did not answer as libvirt does.",
        f"Check the port and the transport. If they are right: {case.on} sudo systemctl status libvirtd",
    )


def _no_libvirt(case: Case) -> Said:
    install = (
        f"{case.on} sudo apt install libvirt-daemon-system (or your distribution's package), then "
        "sudo systemctl enable --now libvirtd"
    )
    if case.local:
        return "No libvirt was found on this machine.", install
    return f"{case.where} was reached, but no libvirt was found there.", install


def _stopped(case: Case) -> Said:
    start = f"{case.on} {_START}. If it stops again: {LIBVIRT_LOG}"
    if case.local:
        return "libvirtd is not running on this machine.", start
    return f"{case.where} was reached, but libvirtd is not running there.", start


def _dropped(case: Case) -> Said:
    return (
        f"libvirtd runs on {case.machine}, but closed the connection.",
        "It may be restarting, or have reached max_clients in /etc/libvirt/libvirtd.conf. "
        f"If this stays: {case.on} {LIBVIRT_LOG}",
    )


def _no_helper(case: Case) -> Said:
    return (
        f"ssh to {case.where} works, but nothing there connects it to libvirt: neither virt-ssh-helper nor a usable nc "
        "was found.",
        f"{case.on} sudo apt install libvirt-clients netcat-openbsd (Fedora, RHEL: sudo dnf install "
        "libvirt-daemon-common nmap-ncat). Without virt-ssh-helper, modular daemons also need: "
        "sudo systemctl enable --now virtproxyd.socket",
    )


def _no_qemu(case: Case) -> Said:
    return (
        f"libvirt runs on {case.machine}, but has no QEMU driver. kvmweb migrates QEMU and KVM VMs only.",
        f"{case.on} sudo apt install libvirt-daemon-driver-qemu qemu-system-x86 (Fedora, RHEL: sudo dnf install "
        "libvirt-daemon-kvm), then restart libvirtd. Hosts with Xen or LXC only cannot be used.",
    )


def _version(case: Case) -> Said:
    return (
        f"libvirt on {case.machine} does not support a call that kvmweb needs: it is too old, or not QEMU's.",
        f"{case.on} virsh -c qemu:///system version. kvmweb is tested with libvirt 9.0 and later.",
    )


def _own_machine(case: Case) -> Said:
    return (
        f"kvmweb could not try to reach {case.machine}: something on its own machine is missing or broken.",
        "On kvmweb's machine, check that openssh-client is installed (ssh -V) and that kvmweb may write to its data "
        "folder.",
    )


def _other(case: Case) -> Said:
    return (
        f"kvmweb could not use libvirt on {case.machine}, for a reason it does not recognise.",
        f"{case.on} sudo virsh -c qemu:///system list. If this fails too, the cause is there: {LIBVIRT_LOG}",
    )


_SAID: dict[ContactProblem, Callable[[Case], Said]] = {
    ContactProblem.TIMEOUT: _timeout,
    ContactProblem.REFUSED: _refused,
    ContactProblem.UNREACHABLE: _unreachable,
    ContactProblem.NAME: _name,
    ContactProblem.HOST_KEY_UNKNOWN: _key_unknown,
    ContactProblem.HOST_KEY_CHANGED: _key_changed,
    ContactProblem.AUTH: _auth,
    ContactProblem.SSH_CLOSED: _ssh_closed,
    ContactProblem.SSH_TERMS: _ssh_terms,
    **TLS_SAID,
    ContactProblem.PERMISSION: _permission,
    ContactProblem.PROTOCOL: _protocol,
    ContactProblem.NO_LIBVIRT: _no_libvirt,
    ContactProblem.STOPPED: _stopped,
    ContactProblem.DROPPED: _dropped,
    ContactProblem.NO_HELPER: _no_helper,
    ContactProblem.NO_QEMU: _no_qemu,
    ContactProblem.VERSION: _version,
    ContactProblem.OWN_MACHINE: _own_machine,
    ContactProblem.OTHER: _other,
}
