"""The topics that people of teams may follow. No entry of the journal has the first two: they echo those of others."""

from __future__ import annotations

from uuid import UUID

#: pages read themselves again when something of the team's VMs has changed
TEAM = "portal"
#: how far running migrations of the team's VMs are
MOVING = "moving"
#: one request
REQUEST = "request"


def team_topic(team: int) -> str:
    return f"{TEAM}:{team}"


def moving_topic(team: int) -> str:
    return f"{MOVING}:{team}"


def part_of(guest: UUID) -> str:
    return f"vm_{guest.hex}"
