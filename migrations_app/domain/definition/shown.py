"""A definition as people may read and keep it: without passwords, and without what applications keep in it."""

from __future__ import annotations

from hosts.facts import xml
from hosts.facts.given_definition import SECRETS
from hosts.facts.xml import BadXml

#: where secrets may be as well: in the address of an image, and in what proves a guest's memory encryption
_ALSO_SECRET = ("query", "session", "dhCert")
#: as what a comparison of definitions does not show, see difference.py
_USERS_OWN = ("metadata", "sysinfo", "cmdline", "init", "initarg", "initenv")
_OF_QEMU = "qemu:"


def shown(definition: str) -> str:
    """ "" for one that cannot be read: then nobody knows what is in it."""
    try:
        domain = xml.parse(definition, root="domain")
    except BadXml:
        return ""
    domain.blank((*SECRETS, *_ALSO_SECRET))
    domain.empty(_USERS_OWN, _OF_QEMU)
    return domain.serialised()
