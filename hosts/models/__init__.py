"""Hosts and what the watcher last saw on them, a file per subject.

Only the watcher writes facts; nothing is deleted because a host is not reachable.
"""

from __future__ import annotations

from hosts.models.errand import Errand, Introduction
from hosts.models.group import HostGroup
from hosts.models.guest import MAY_ARRIVE, Guest, Sighting
from hosts.models.host import Host, VisibleQuerySet
from hosts.models.places import Bridge, Network, StoragePool, Volume

__all__ = [
    "MAY_ARRIVE",
    "Bridge",
    "Errand",
    "Guest",
    "Host",
    "HostGroup",
    "Introduction",
    "Network",
    "Sighting",
    "StoragePool",
    "VisibleQuerySet",
    "Volume",
]
