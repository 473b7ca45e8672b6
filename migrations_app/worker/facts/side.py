"""One host of a migration, to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError, HostConnection
from hosts.models import Host

T = TypeVar("T")
Connection = HostConnection | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One host of the migration and the connection to it, or why there is none."""

    host: Host
    connection: Connection

    def learn(self, ask: Callable[[HostConnection], T]) -> T | Unknown:
        if isinstance(self.connection, Unknown):
            return self.connection
        try:
            return ask(self.connection)
        except GatewayError as error:
            return Unknown(f"{self.host.name}: {error.message}")
