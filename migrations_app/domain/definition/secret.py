"""What of a definition nobody may read in a record, a journal or a report: names of elements and attributes."""

from __future__ import annotations

from hosts.facts.given_definition import SECRETS
from hosts.facts.xml import HIDDEN

#: values: passwords, the query in the address of an image, and what proves a guest's memory encryption
VALUES = frozenset({*SECRETS, "query", "session", "dhCert", "idBlock", "idAuth", "hostData"})
#: all that is in them: what applications, users and guests keep there, and what libvirt keeps for itself
ELEMENTS = frozenset(
    {
        *("metadata", "description", "sysinfo", "cmdline", "init", "initarg", "initenv", "bootloader_args"),
        "privateData",
    }
)


def secret(name: str) -> bool:
    """`name` as hosts.facts.xml.plain_name gives it. Elements that are not libvirt's own hold arguments of QEMU and of
    other programs."""
    return name in VALUES or name in ELEMENTS or ":" in name or "{" in name


def hides(path: str) -> bool:
    """`path` such as "devices/disk/source/@query", without keys."""
    return any(secret(name.removeprefix("@")) for name in path.split("/"))


def readable(path: str, value: str) -> str:
    return HIDDEN if value and hides(path) else value
