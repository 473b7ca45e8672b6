"""What a first contact with a host saw, and why it failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hosts.facts.host import HostIdentity


class ContactProblem(StrEnum):
    """Why a first contact failed; `hosts/words/contact.py` has the sentences and remedies."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNREACHABLE = "no route to the host"
    NAME = "name does not resolve"
    HOST_KEY_UNKNOWN = "host key unknown"
    HOST_KEY_CHANGED = "host key changed"
    AUTH = "authentication failed"
    SSH_CLOSED = "ssh closed the connection"
    SSH_TERMS = "ssh has no algorithm in common"
    TLS_OWN_FILES = "kvmweb's own certificate cannot be used"
    TLS_OWN_EXPIRED = "kvmweb's own certificate has expired"
    TLS_EXPIRED = "the host's certificate has expired"
    TLS_UNTRUSTED = "the host's certificate is signed by another CA"
    TLS_NAME = "the host's certificate is for another name"
    TLS_REFUSED = "the host does not accept kvmweb's certificate"
    PERMISSION = "permission denied by libvirt"
    PROTOCOL = "another protocol answers"
    NO_LIBVIRT = "no libvirt there"
    STOPPED = "libvirt is not running"
    DROPPED = "libvirt closed the connection"
    NO_HELPER = "neither virt-ssh-helper nor nc"
    NO_QEMU = "libvirt has no QEMU driver"
    VERSION = "libvirt does not support a call"
    OWN_MACHINE = "kvmweb's own machine"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a first contact saw. `problem` None means libvirt answered and we may use it."""

    identity: HostIdentity | None = None
    problem: ContactProblem | None = None
    message: str = ""
    #: ssh only: "SHA256:..." of the key the host showed, and that key as a known_hosts value ("ssh-ed25519 AAAA...")
    fingerprint: str = ""
    host_key: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Until when they are valid: kvmweb's own, and the one that the host shows; None is not known."""

    own: datetime | None = None
    host: datetime | None = None
