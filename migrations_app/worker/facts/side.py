"""One host of a migration, to ask."""

from __future__ import annotations

import math
import time
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
    #: by time.monotonic(); after it nothing is asked
    until: float = math.inf

    def learn(self, ask: Callable[[HostConnection], T]) -> T | Unknown:
        if isinstance(self.connection, Unknown):
            return self.connection
        if time.monotonic() > self.until:
            return Unknown(f"the check took too long, so kvmweb did not ask {self.host.name}.", "Check again.")
        try:
            return ask(self.connection)
        except GatewayError as error:
            return Unknown(f"{self.host.name}: {error.message}")


def ssh_only(side: Side) -> Unknown:
    name = side.host.name
    reason = f"libvirt on {name} does not report this; kvmweb can ask the host itself only by ssh."
    return Unknown(reason, f"Register {name} by ssh.")
