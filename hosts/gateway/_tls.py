"""TLS: kvmweb's own certificate, in the folder `pki` of the data folder, and why a handshake does not succeed.

libvirt itself continues without a certificate when its file is missing, and says of every refusal about the same. So
the files are looked at before, and a handshake of kvmweb's own finds the reason. Verification is always on.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

from hosts.facts.contact import Certificates, ContactProblem
from hosts.gateway.port import HostUnreachable

CA, CERTIFICATE, KEY = "cacert.pem", "clientcert.pem", "clientkey.pem"
#: what libvirtd sends when it has accepted the client's certificate
_WELCOME = b"\x01"
#: X509_V_ERR_*: what is wrong with the certificate that was shown
_BY_CODE = {
    9: ContactProblem.TLS_EXPIRED,  # not valid yet
    10: ContactProblem.TLS_EXPIRED,
    62: ContactProblem.TLS_NAME,
    64: ContactProblem.TLS_NAME,
}


class TlsFailed(Exception):
    def __init__(self, problem: ContactProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message


def place() -> Path:
    from django.conf import settings

    data_dir: Path = settings.KVMWEB.data_dir
    return data_dir / "pki"


def folder() -> Path:
    """Where kvmweb's files are. Raises HostUnreachable when one cannot be read: libvirt would go on without it."""
    pki = place()
    try:
        check_files(pki)
    except TlsFailed as failed:
        raise HostUnreachable(failed.message) from None
    return pki


def check_files(pki: Path) -> None:
    """Raises TlsFailed."""
    for name in (CA, CERTIFICATE, KEY):
        try:
            (pki / name).open("rb").close()
        except OSError as error:
            raise TlsFailed(ContactProblem.TLS_OWN_FILES, f"{pki / name}: {error.strerror}") from None


def own_until(pki: Path) -> datetime | None:
    """Until when kvmweb's certificate is valid, found by a handshake with itself. Raises TlsFailed."""
    check_files(pki)
    try:
        judge = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        judge.verify_mode = ssl.CERT_REQUIRED
        judge.load_verify_locations(pki / CA)
        shower = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        shower.check_hostname = False  # it judges nobody: the other side is the same file
        shower.verify_mode = ssl.CERT_NONE
        for context in (judge, shower):
            context.load_cert_chain(pki / CERTIFICATE, pki / KEY)
        return _until(_handshake(judge, shower))
    except ssl.SSLCertVerificationError as error:
        expired = _BY_CODE.get(error.verify_code) is ContactProblem.TLS_EXPIRED
        problem = ContactProblem.TLS_OWN_EXPIRED if expired else ContactProblem.TLS_OWN_FILES
        raise TlsFailed(problem, f"{pki / CERTIFICATE}: {error.verify_message}") from None
    except OSError as error:  # SSLError is one
        raise TlsFailed(ContactProblem.TLS_OWN_FILES, f"{pki}: {error.strerror or error}") from None


def _handshake(judge: ssl.SSLContext, shower: ssl.SSLContext) -> ssl.SSLObject:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = judge.wrap_bio(there, back, server_side=True)
    client = shower.wrap_bio(back, there)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return server


def host_until(pki: Path, address: str, port: int, *, seconds: float) -> datetime | None:
    """Until when the host's certificate is valid. Raises TlsFailed with what is wrong with the two certificates,
    OSError for all else."""
    context = ssl.create_default_context(cafile=pki / CA)
    context.load_cert_chain(pki / CERTIFICATE, pki / KEY)
    with socket.create_connection((address, port), timeout=seconds) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=address) as connection:
                until = _until(connection)
                if connection.recv(1) == _WELCOME:
                    return until
                message = "It ended the connection after the handshake."
        except ssl.SSLCertVerificationError as error:
            problem = _BY_CODE.get(error.verify_code, ContactProblem.TLS_UNTRUSTED)
            raise TlsFailed(problem, error.verify_message) from None
        except ssl.SSLError as error:
            message = error.reason or str(error)
            if "ALERT" not in message:  # nothing that speaks TLS
                raise
    raise TlsFailed(ContactProblem.TLS_REFUSED, message)


def problem(pki: Path, address: str, port: int, *, seconds: float) -> ContactProblem | None:
    """What is wrong with the certificates of the two sides."""
    try:
        own_until(pki)
        with contextlib.suppress(OSError):  # libvirt's sentence says more
            host_until(pki, address, port, seconds=seconds)
    except TlsFailed as failed:
        return failed.problem
    return None


def certificates(address: str, port: int, *, seconds: float) -> Certificates:
    """Of an open connection's two sides. Raises HostUnreachable."""
    pki = folder()
    try:
        return Certificates(own=own_until(pki), host=host_until(pki, address, port, seconds=seconds))
    except TlsFailed as failed:
        raise HostUnreachable(failed.message) from None
    except OSError as error:
        raise HostUnreachable(error.strerror or str(error)) from None


def own_certificate_until() -> datetime | None:
    """Raises HostUnreachable when it cannot be used."""
    try:
        return own_until(place())
    except TlsFailed as failed:
        raise HostUnreachable(failed.message) from None


def _until(connection: ssl.SSLSocket | ssl.SSLObject) -> datetime | None:
    shown = (connection.getpeercert() or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown)), tz=UTC) if shown else None
