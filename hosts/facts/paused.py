"""A guest that kvmweb started paused: the mark by which it is known again, and what tells whether it ever ran."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.facts import xml
from hosts.facts.guest import RunState

#: of the mark in the metadata of the running definition; it goes with the guest when it migrates, and ends with its run
NAMESPACE = "urn:kvmweb:paused:1"
_TAG = "paused"
#: QEMU's own work in the thread of a CPU that never runs; the kernel counts in steps of 10 ms
SETTING_UP_MS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedGuest:
    """Read in one call of an active guest. `mark`: "" for one that kvmweb did not start paused. `requests`: how often
    it has read from and written to its disks on this host. `cpu_ms`: how long the busiest of its CPUs has worked."""

    mark: str
    state: RunState
    requests: int
    cpu_ms: int

    @property
    def ran(self) -> bool:
        """One whose CPUs never ran is paused, and has read and written nothing."""
        return self.state is not RunState.PAUSED or self.requests > 0 or self.cpu_ms > SETTING_UP_MS


def with_mark(definition: str, mark: str) -> str:
    """The definition with the mark. Raises BadXml."""
    domain = xml.parse(definition, root="domain")
    metadata = domain.child("metadata")
    metadata.drop(f"{{{NAMESPACE}}}{_TAG}")
    metadata.child(f"{{{NAMESPACE}}}{_TAG}").set("by", mark)
    return domain.serialised()


def mark_of(element: str) -> str:
    """The mark in the element that libvirt keeps under our namespace. Raises BadXml."""
    return xml.parse(element, root=_TAG).get("by")
