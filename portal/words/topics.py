"""The topics of the portal's pages. Only that of one request has entries of its own; the others echo those that people
of teams may not follow."""

from __future__ import annotations

from uuid import UUID

#: pages read themselves again when something of the team's VMs has changed
TEAM = "portal"
#: how far running migrations of the team's VMs are
MOVING = "moving"
#: one request
REQUEST = "request"
#: any request, for those who see all
REQUESTS = "requests"


def team_topic(team: int) -> str:
    return f"{TEAM}:{team}"


def moving_topic(team: int) -> str:
    return f"{MOVING}:{team}"


def part_of(guest: UUID) -> str:
    return f"vm_{guest.hex}"
