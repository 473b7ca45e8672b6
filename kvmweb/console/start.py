"""The first page of the console: what can be managed here, and how much there is of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from approvals.reading.rules import rules
from hosts.reading.teams import visible_teams
from kvmweb.accounts import people, tokens
from kvmweb.accounts.permissions import Right, may
from kvmweb.web.page import page, person
from migrations_app.reading.policies import policies
from migrations_app.reading.probing import networks
from portal.reading.storages import storages
from portal.reading.windows import windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`count`: how many there are; None when that says nothing. `right`: who is led there."""

    url: str
    icon: str
    title: str
    what: str
    right: Right
    count: Callable[[User], int] | None = None


PLACES = (
    Place(
        url="console-people",
        icon="users",
        title="People",
        what="Users, their roles, passwords and API tokens.",
        right=Right.MANAGE_PEOPLE,
        count=lambda user: people.people_seen(user).count(),
    ),
    Place(
        url="own-tokens",
        icon="key",
        title="Your tokens",
        what="What programs use to act as you over the API.",
        right=Right.READ_RECORDS,
        count=lambda user: tokens.tokens_of(user, by=user).count(),
    ),
    Place(
        url="team-list",
        icon="users",
        title="Teams",
        what="Who belongs to which team, and which VMs are theirs.",
        right=Right.SEE_TEAMS,
        count=lambda user: visible_teams(user).count(),
    ),
    Place(
        url="console-quotas",
        icon="list-details",
        title="Quotas",
        what="How much each team may ask for.",
        right=Right.MANAGE_TEAMS,
    ),
    Place(
        url="console-storage",
        icon="database",
        title="Storage names",
        what="What people in teams call the storage that they may ask for.",
        right=Right.MANAGE_TEAMS,
        count=lambda _: storages().count(),
    ),
    Place(
        url="host-group-list",
        icon="server-2",
        title="Groups of hosts",
        what="Hosts that belong together, and what people in teams call their place.",
        right=Right.SEE,
    ),
    Place(
        url="policy-list",
        icon="flag",
        title="Policies",
        what="How far a migration may go when a VM is busy.",
        right=Right.SEE,
        count=lambda user: policies(user).count(),
    ),
    Place(
        url="rule-list",
        icon="shield-check",
        title="Approval rules",
        what="Which migrations need somebody's approval, and whose.",
        right=Right.MANAGE_APPROVALS,
        count=lambda _: rules().count(),
    ),
    Place(
        url="window-list",
        icon="clock",
        title="Windows",
        what="When migrations of teams may run, and when not.",
        right=Right.MANAGE_WINDOWS,
        count=lambda _: windows().count(),
    ),
    Place(
        url="console-probing",
        icon="activity",
        title="Probe networks",
        what="Where kvmweb may ping VMs while they migrate.",
        right=Right.MANAGE_PROBING,
        count=lambda user: networks(user).count(),
    ),
    Place(
        url="health",
        icon="heartbeat",
        title="Health",
        what="Processes, queues, database, disk space, hosts, the last backup; a support bundle.",
        right=Right.SEE_HEALTH,
    ),
    Place(
        url="console-history",
        icon="history",
        title="History",
        what="The whole journal, with the log-ins. It can be filtered and exported, never changed.",
        right=Right.READ_RECORDS,
    ),
)


@require_GET
@page(Right.READ_RECORDS)
def start(request: HttpRequest) -> HttpResponse:
    return render(request, "console/start.html", {"places": list(_led_to(person(request)))})


def _led_to(user: User) -> Iterator[tuple[Place, int | None]]:
    for place in PLACES:
        if may(user, place.right):
            yield place, place.count(user) if place.count else None
