"""Who answers: the machine behind a name, and its ssh host key."""

from __future__ import annotations

from uuid import UUID


def no_machine(told: str) -> str:
    return f"The host gives no valid host UUID ({told})."


def another_machine(seen: UUID, before: UUID) -> str:
    return (
        f"Another machine answers than before: host UUID {seen}, it was {before}. If that is "
        "intended, remove this host and register it again."
    )


def same_machine(other: str, seen: UUID) -> str:
    return (
        f"This is the same machine as {other} (host UUID {seen}). If these are two machines, "
        "give each its own host_uuid in /etc/libvirt/libvirtd.conf."
    )


def other_key(shown: str, expected: str) -> str:
    return (
        f"The host shows the ssh host key {shown}, expected is {expected}. "
        "Compare both on the host with ssh-keygen -lf before you confirm the new one."
    )


def not_this_key(shown: str, expected: str) -> str:
    """Of a test connection, where nothing is to be confirmed."""
    return f"The host shows the ssh host key {shown}, not {expected}."


def confirmed_key(fingerprint: str) -> str:
    return f"The confirmed key is {fingerprint}."


def no_key_to_confirm(host: str) -> str:
    return f"{host} shows no host key that waits to be confirmed."


def key_has_changed(host: str, shown: str) -> str:
    return f"{host} shows another key by now: {shown}."
