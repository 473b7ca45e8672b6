"""What is said of a host that cannot be used: the likely cause, what to do, and the raw text apart from both."""

from __future__ import annotations

import pytest

from hosts.facts.contact import Contact, ContactProblem
from hosts.facts.endpoint import Endpoint, Transport
from hosts.models import Host
from hosts.words.contact import explain, lost, not_kept, unreachable

EOF_TEXT = "End of file while reading data: virt-ssh-helper: cannot connect: Input/output error"
SSH = Endpoint(transport=Transport.SSH, address="10.0.0.1", user="vmadmin")
TCP = Endpoint(transport=Transport.TCP, address="10.0.0.1")
TLS = Endpoint(transport=Transport.TLS, address="10.0.0.1")
TLS_PORT = Endpoint(transport=Transport.TCP, address="10.0.0.1", port=16514)
UNIX = Endpoint(transport=Transport.UNIX)


@pytest.mark.parametrize(
    ("problem", "endpoint", "cause", "remedy"),
    [
        (ContactProblem.TIMEOUT, SSH, "did not answer within 8 s", "firewall lets kvmweb reach port 22"),
        (ContactProblem.TIMEOUT, UNIX, "did not answer within 8 s", "sudo systemctl status libvirtd"),
        (ContactProblem.REFUSED, SSH, "refused the connection", "sudo systemctl enable --now ssh"),
        (ContactProblem.REFUSED, TCP, "refused the connection", "sudo systemctl enable --now libvirtd-tcp.socket"),
        (ContactProblem.UNREACHABLE, SSH, "no network route to 10.0.0.1", "a firewall rejects port 22"),
        (ContactProblem.NAME, SSH, "does not resolve", "add it to DNS"),
        (ContactProblem.HOST_KEY_UNKNOWN, SSH, "shows the ssh host key", "ssh-keygen -lf"),
        (ContactProblem.HOST_KEY_CHANGED, SSH, "shows another ssh host key", "do not trust it"),
        (ContactProblem.AUTH, SSH, "did not let vmadmin log in", "authorized_keys of vmadmin: ssh-ed25519 AAAA"),
        (ContactProblem.SSH_CLOSED, SSH, "closed it before the login", "sudo journalctl -u ssh -u sshd -n 50"),
        (ContactProblem.SSH_TERMS, SSH, "no algorithm in common", "/etc/ssh/sshd_config"),
        (ContactProblem.PERMISSION, SSH, "not in the libvirt group", "sudo usermod -aG libvirt vmadmin"),
        (ContactProblem.PERMISSION, UNIX, "not in the libvirt group", "sudo usermod -aG libvirt USER"),
        (ContactProblem.PERMISSION, TCP, "asks for a login", 'auth_tcp = "none"'),
        (ContactProblem.PROTOCOL, SSH, "not as an ssh server", "Check the address, the port"),
        (ContactProblem.PROTOCOL, TCP, "did not answer as libvirt does", "sudo systemctl status libvirtd"),
        (ContactProblem.PROTOCOL, TLS_PORT, "port for TLS", "Choose tls as the transport"),
        (ContactProblem.PROTOCOL, TLS, "not as libvirt with TLS", "Check the port"),
        (ContactProblem.REFUSED, TLS, "refused the connection", "libvirtd-tls.socket"),
        (ContactProblem.PERMISSION, TLS, "asks for a login besides the certificate", 'auth_tls = "none"'),
        (ContactProblem.TLS_OWN_FILES, TLS, "cannot use its own certificate", "clientkey.pem"),
        (ContactProblem.TLS_OWN_EXPIRED, TLS, "kvmweb's own certificate has expired", "Put a new one"),
        (ContactProblem.TLS_EXPIRED, TLS, "certificate of 10.0.0.1 has expired", "restart libvirtd"),
        (ContactProblem.TLS_UNTRUSTED, TLS, "not signed by the CA", "another machine"),
        (ContactProblem.TLS_NAME, TLS, "is not for 10.0.0.1", "alternative names"),
        (ContactProblem.TLS_REFUSED, TLS, "does not accept kvmweb's certificate", "tls_allowed_dn_list"),
        (ContactProblem.NO_LIBVIRT, SSH, "no libvirt was found there", "sudo apt install libvirt-daemon-system"),
        (ContactProblem.STOPPED, SSH, "libvirtd is not running there", "sudo systemctl enable --now libvirtd"),
        (ContactProblem.STOPPED, UNIX, "libvirtd is not running on this machine", "virtqemud.socket"),
        (ContactProblem.DROPPED, SSH, "closed the connection", "max_clients"),
        (ContactProblem.NO_HELPER, SSH, "neither virt-ssh-helper nor a usable nc", "netcat-openbsd"),
        (ContactProblem.NO_QEMU, SSH, "has no QEMU driver", "libvirt-daemon-driver-qemu"),
        (ContactProblem.VERSION, SSH, "too old", "virsh -c qemu:///system version"),
        (ContactProblem.OWN_MACHINE, SSH, "its own machine", "openssh-client"),
        (ContactProblem.OTHER, SSH, "for a reason it does not recognise", "sudo virsh -c qemu:///system list"),
    ],
)
def test_a_cause_and_a_remedy(problem: ContactProblem, endpoint: Endpoint, cause: str, remedy: str) -> None:
    contact = Contact(problem=problem, message=EOF_TEXT, seconds=8.0)
    said = explain(contact, endpoint, public_key="ssh-ed25519 AAAA kvmweb")
    assert cause in said.message
    assert remedy in said.remedy
    assert EOF_TEXT not in said.text
    assert said.details == EOF_TEXT
    assert str(said).endswith(f" Details: {EOF_TEXT}")


def test_without_a_raw_text_there_are_no_details() -> None:
    said = explain(Contact(problem=ContactProblem.NAME), SSH)
    assert (said.details, str(said)) == ("", said.text)


def test_the_raw_text_is_one_short_line() -> None:
    said = explain(Contact(problem=ContactProblem.OTHER, message="<b>one\ntwo</b>" + "x" * 5000), SSH)
    assert said.details.startswith("<b>one two</b>xxx")
    assert len(said.details) == 401


def test_a_connection_that_was_lost() -> None:
    assert lost(EOF_TEXT).text == "kvmweb lost the connection and is connecting again."
    assert lost(EOF_TEXT).details == EOF_TEXT
    assert "max_clients" in not_kept(EOF_TEXT).remedy


def test_a_check_of_a_host_that_is_not_reachable_names_the_cause_the_watcher_found() -> None:
    cause = "10.0.0.1 was reached, but libvirtd is not running there. On 10.0.0.1: sudo systemctl start libvirtd"
    away = Host(name="kvm-b", contact=Host.Contact.AWAY, contact_text=cause)
    assert unreachable(away, "no connection to libvirt: x") == (
        "kvm-b is not reachable: no connection to libvirt: x",
        cause,
    )
    lost_now = Host(name="kvm-b", contact=Host.Contact.ANSWERS)
    assert unreachable(lost_now, "x") == (
        "kvm-b is not reachable: x",
        "kvmweb is connecting again. Check again in a few seconds.",
    )
    never = Host(name="kvm-b", contact=Host.Contact.NEVER)
    assert unreachable(never, "x") == ("kvm-b was not contacted yet: x", "The page of kvm-b says what to do.")
