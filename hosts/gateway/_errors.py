"""libvirtError -> GatewayError, by code and domain, never by text (texts are in the daemon's language)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hosts.gateway.port import Aborted, GatewayError, GuestMissing, HostUnreachable, Refused

if TYPE_CHECKING:
    import libvirt

# virErrorNumber
INTERNAL_ERROR = 1
NO_SUPPORT = 3
NO_CONNECT = 5
INVALID_ARG = 8
OPERATION_FAILED = 9
SYSTEM_ERROR = 38
RPC = 39
NO_DOMAIN = 42
NO_INTERFACE = 57
NO_NETWORK = 43
AUTH_FAILED = 45
NO_STORAGE_POOL = 49
NO_STORAGE_VOL = 50
OPERATION_INVALID = 55
OPERATION_TIMEOUT = 68
ARGUMENT_UNSUPPORTED = 74
OPERATION_ABORTED = 78
AUTH_CANCELLED = 79
AUTH_UNAVAILABLE = 94
MIGRATE_UNSAFE = 81
OPERATION_UNSUPPORTED = 84
ACCESS_DENIED = 88
NO_DOMAIN_CHECKPOINT = 103
CHECKPOINT_INCONSISTENT = 109
CPU_INCOMPATIBLE = 91

# virErrorDomain
FROM_RPC = 7
FROM_QEMU = 10

#: the call was turned down before it did anything
_REFUSALS = frozenset(
    {
        NO_SUPPORT,
        INVALID_ARG,
        AUTH_FAILED,
        OPERATION_INVALID,
        67,  # CONFIG_UNSUPPORTED
        ARGUMENT_UNSUPPORTED,
        MIGRATE_UNSAFE,
        OPERATION_UNSUPPORTED,
        ACCESS_DENIED,
        CPU_INCOMPATIBLE,
        NO_NETWORK,
        NO_STORAGE_POOL,
        NO_STORAGE_VOL,
        66,  # NO_SECRET
        CHECKPOINT_INCONSISTENT,
    }
)
#: libvirtd asks who we are, and the answer was not enough: SASL, or the host's polkit
LOGIN_CODES = frozenset({AUTH_FAILED, AUTH_CANCELLED, AUTH_UNAVAILABLE, ACCESS_DENIED})
_CONNECTION_CODES = frozenset({INTERNAL_ERROR, SYSTEM_ERROR, RPC})


def said(error: libvirt.libvirtError) -> str:
    """libvirt's own sentence."""
    return str(error.get_error_message() or error)


def not_opened(error: libvirt.libvirtError) -> HostUnreachable:
    code, domain = error.get_error_code() or 0, error.get_error_domain() or 0
    return HostUnreachable(f"no connection to libvirt: {said(error)}", code=code, domain=domain)


def translate(error: libvirt.libvirtError, *, alive: bool, relayed: bool = False) -> GatewayError:
    """`alive`: whether the connection still is. `relayed`: the call makes the host talk to another host, so that an
    RPC error may be about that connection and not about ours."""
    code, domain = error.get_error_code() or 0, error.get_error_domain() or 0
    message = said(error)
    if not alive or (domain == FROM_RPC and code in _CONNECTION_CODES and not relayed):
        return HostUnreachable(message, code=code, domain=domain)
    if code == NO_DOMAIN:
        return GuestMissing(message, code=code, domain=domain)
    if code == OPERATION_ABORTED:
        return Aborted(message, code=code, domain=domain)
    if code in _REFUSALS:
        return Refused(message, code=code, domain=domain)
    return GatewayError(message, code=code, domain=domain)
