"""A failed contact as the sentences about it see it."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.facts.contact import Contact
from hosts.facts.endpoint import DEFAULT_PORTS, Endpoint, Transport

LIBVIRT_LOG = "sudo journalctl -u libvirtd -u virtqemud -n 50"


@dataclass(frozen=True, slots=True)
class Case:
    contact: Contact
    endpoint: Endpoint
    public_key: str

    @property
    def ssh(self) -> bool:
        return self.endpoint.transport is Transport.SSH

    @property
    def tls(self) -> bool:
        return self.endpoint.transport is Transport.TLS

    @property
    def local(self) -> bool:
        return self.endpoint.transport is Transport.UNIX

    @property
    def where(self) -> str:
        if self.local:
            return "The local libvirt socket"
        return f"{self.endpoint.address} port {self.endpoint.port}" if self.endpoint.port else self.endpoint.address

    @property
    def machine(self) -> str:
        return self.endpoint.address or "this machine"

    @property
    def user(self) -> str:
        return self.endpoint.user or "the account kvmweb runs as"

    @property
    def port(self) -> int:
        return self.endpoint.port or DEFAULT_PORTS.get(self.endpoint.transport, 0)

    @property
    def on(self) -> str:
        """Where a command is to be run; the command follows."""
        return f"On {self.machine}:"

    @property
    def fingerprint(self) -> str:
        return self.contact.fingerprint or "(unknown)"


Said = tuple[str, str]
