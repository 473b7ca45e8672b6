"""Everything the preflight checks may look at, collected beforehand. A fact is a value or Unknown(reason)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hosts.facts.guest import GuestLook
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.facts.guest import GuestFacts
from migrations_app.domain.preflight.facts.host import NOT_ASKED, SourceFacts, TargetFacts
from migrations_app.domain.preflight.facts.saved import SavedFacts
from migrations_app.domain.request import MigrationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFact:
    """The peer probe's answer (libvirt.md 1.3) in pure words. `reached` False comes with libvirt's text. Not `tried`:
    libvirt probes with a VM only, and there is none yet."""

    reached: bool
    tried: bool = True
    message: str = ""
    #: what the connection to the peer is made with, as the gateway calls it; "" leaves it to libvirt
    helper: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A record per side, and what lies between them. `saved` is None when the VM has no other definition than the one
    that migrates. `home` is the source as the host on which a VM starts that is shut off, of a kind that starts it
    there. `others` are the looks of all other registered hosts at the VM, asked only for one that is shut off.

    `sends_levels`: whether kvmweb's own libvirt can ask for a compression level.
    `starts`: what is judged is a start on the destination, not a migration; then not knowing blocks nothing."""

    request: MigrationRequest
    source: SourceFacts
    target: TargetFacts
    guest: GuestFacts
    peer: PeerFact | Unknown
    saved: SavedFacts | None = None
    home: TargetFacts | None = None
    sends_levels: bool = True
    others: Mapping[str, GuestLook] | Unknown = NOT_ASKED
    starts: bool = False
    #: its policy may switch to post-copy, and nobody has asked for it otherwise
    policy_post_copy: bool = False
    #: paths on the destination that kvmweb lists as rollback copies
    rollback_copies: frozenset[str] = frozenset()
