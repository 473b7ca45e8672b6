"""The machine behind a name, and its ssh host key."""

from __future__ import annotations

from uuid import UUID


def no_machine(told: str) -> str:
    return f"libvirt on this host reports no valid host UUID ({told})."


def another_machine(seen: UUID, before: UUID) -> str:
    return (
        f"Another machine answers than before: its host UUID is {seen}, it was {before}. If this is intended, remove "
        "this host and register it again."
    )


def same_machine(other: str, seen: UUID) -> str:
    return (
        f"This is the same machine as {other} (host UUID {seen}). If they are two machines, give each its own "
        "host_uuid in /etc/libvirt/libvirtd.conf."
    )


def other_key(shown: str, expected: str) -> str:
    return (
        f"The host shows the ssh host key {shown} instead of {expected}. "
        "Compare it on the host with ssh-keygen -lf before you trust it."
    )


#: on the host's page, which shows both fingerprints one below the other
COMPARE_KEYS = (
    "This host shows another ssh host key than the trusted one. If the host was reinstalled, compare the fingerprints "
    "and trust the new key. If not, the connection may be intercepted: do not trust it."
)


def not_this_key(shown: str, expected: str) -> str:
    """For a test connection, where nothing can be confirmed."""
    return f"The host shows the ssh host key {shown} instead of {expected}."


def confirmed_key(fingerprint: str) -> str:
    return f"The trusted key is {fingerprint}."


def no_key_to_confirm(host: str) -> str:
    return f"{host} has no new host key to confirm."


def key_has_changed(host: str, shown: str) -> str:
    return f"{host} now shows yet another key: {shown}. Compare this one."
