"""What is wrong with the certificates of a connection with TLS, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hosts.facts.contact import ContactProblem
from hosts.words.contact_case import LIBVIRT_LOG, Case, Said

_OWN_PKI = "cacert.pem, clientcert.pem and clientkey.pem in the folder pki of kvmweb's data folder"
_NEW_SERVER = "make a new certificate for /etc/pki/libvirt/servercert.pem"
_LOADS = "Then: sudo systemctl restart libvirtd (running VMs keep running)"


def _tls_own_files(case: Case) -> Said:
    return (
        "kvmweb cannot use its own certificate, so it did not try to connect.",
        f"kvmweb needs {_OWN_PKI}: the CA that signs the certificates of the hosts, a certificate signed by it, and "
        "its key, readable for the account that runs kvmweb.",
    )


def _tls_own_expired(case: Case) -> Said:
    return (
        "kvmweb's own certificate has expired, or is not valid yet.",
        f"Put a new one into kvmweb's data folder ({_OWN_PKI}), and check the clock of kvmweb's machine.",
    )


def _tls_expired(case: Case) -> Said:
    return (
        f"The certificate of {case.where} has expired, or is not valid yet.",
        f"On {case.machine}, {_NEW_SERVER}. {_LOADS}. Check also the clocks of both machines.",
    )


def _tls_untrusted(case: Case) -> Said:
    return (
        f"The certificate of {case.where} is not signed by the CA that kvmweb trusts.",
        f"Either it is another machine, or it has a certificate of another CA. If so, on {case.machine}, {_NEW_SERVER}"
        ", signed by the CA in pki/cacert.pem of kvmweb's data folder.",
    )


def _tls_name(case: Case) -> Said:
    return (
        f"The certificate of {case.where} is not for {case.endpoint.address}.",
        f"Enter a name or address that is in the certificate, or on {case.machine} {_NEW_SERVER} with "
        f"{case.endpoint.address} among its alternative names.",
    )


def _tls_refused(case: Case) -> Said:
    return (
        f"{case.where} does not accept kvmweb's certificate.",
        f"kvmweb's certificate must be signed by the CA in /etc/pki/CA/cacert.pem on {case.machine}, and allowed by "
        f"tls_allowed_dn_list in /etc/libvirt/libvirtd.conf there, if that is set. {case.on} {LIBVIRT_LOG}",
    )


TLS_SAID: Mapping[ContactProblem, Callable[[Case], Said]] = {
    ContactProblem.TLS_OWN_FILES: _tls_own_files,
    ContactProblem.TLS_OWN_EXPIRED: _tls_own_expired,
    ContactProblem.TLS_EXPIRED: _tls_expired,
    ContactProblem.TLS_UNTRUSTED: _tls_untrusted,
    ContactProblem.TLS_NAME: _tls_name,
    ContactProblem.TLS_REFUSED: _tls_refused,
}
