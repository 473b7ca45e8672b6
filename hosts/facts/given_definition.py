"""A domain definition that a user gives, for a VM that no host needs to have. Users are no more trusted than hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID, uuid4

from hosts.facts import xml

MOST_BYTES = 256 * 1024
#: elements and attributes
MOST_PARTS = 20_000
#: libvirt leaves these out of what it tells kvmweb about a VM, so kvmweb does not keep them here either
SECRETS = ("passwd", "password", "cookie")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


class TooLarge(xml.BadXml):
    """More than kvmweb reads, whatever is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenDefinition:
    """`xml` has a UUID, and neither comments nor passwords; `hosts.facts.domain_xml` reads it."""

    uuid: UUID
    name: str
    xml: str


def given_definition(text: str) -> GivenDefinition:
    """Raises BadXml; the message is a sentence for the user and quotes nothing."""
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise TooLarge(f"The definition is larger than {MOST_BYTES // 1024} KiB.")
    try:
        domain = xml.parse(text, root="domain")
    except xml.BadXml as bad:
        raise xml.BadXml(f"This is not a definition: {bad}.") from None
    if domain.count() > MOST_PARTS:
        raise TooLarge(f"The definition has more than {MOST_PARTS} elements and attributes.")
    name = domain.name("name")
    if not name.strip():
        raise xml.BadXml("The definition has no name.")
    if "\n" in name or "/" in name:
        raise xml.BadXml("The name in the definition has characters that libvirt does not accept.")
    domain.blank(SECRETS)
    uuid = _uuid(domain.text("uuid"))
    domain.put("uuid", str(uuid))
    return GivenDefinition(uuid=uuid, name=name, xml=domain.serialised())


def _uuid(text: str) -> UUID:
    if not text:
        return uuid4()  # as `virsh define` does
    if not _UUID.fullmatch(text):
        raise xml.BadXml("The UUID in the definition is not valid.")
    return UUID(text)
