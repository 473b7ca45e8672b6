"""What open pages of the portal are told. Entries of hosts, VMs and migrations name hosts: for people of teams they
only mean that something has changed, and how many percent are copied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from uuid import UUID

from django.contrib.auth.models import User
from django.template.loader import render_to_string

from hosts.models import Sighting
from hosts.reading.groups import groups_by_guest
from kvmweb.accounts.models import Ownership
from kvmweb.accounts.permissions import Right, teams_of
from kvmweb.journal import writer
from kvmweb.journal.live import echoes, renders
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.web.page import number
from migrations_app.models import Migration
from migrations_app.reading.follow import REGISTERED, Registered
from portal.models import Request
from portal.reading.requests import visible_requests
from portal.reading.vms import moving_of
from portal.words.topics import MOVING, REQUEST, REQUESTS, TEAM, moving_topic, team_topic


def _of_own_team(user: User, name: str) -> bool:
    return number(name) in teams_of(user)


def _request_seen(user: User, name: str) -> bool:
    return bool(visible_requests(user).filter(pk=number(name)).exists())


REGISTERED[TEAM] = REGISTERED[MOVING] = Registered(right=Right.ASK, visible=_of_own_team)
REGISTERED[REQUEST] = Registered(right=Right.ENTER, visible=_request_seen)
REGISTERED[REQUESTS] = Registered(right=Right.SEE_EVERYTHING, visible=lambda user, name: not name)


@renders(MOVING)
def fragments(topic: str, entries: Sequence[Entry]) -> dict[str, str] | None:
    found = moving_of(number(topic.partition(":")[2]))
    return {one.part: render_to_string("portal/_moving.html", {"moving": one}) for one in found} or None


@echoes
def for_teams(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """The topics of the teams whose VMs these entries are about, and of everybody who sees all requests."""
    guests = _guests(entries)
    owners = Ownership.objects.filter(guest__in={guest for found in guests.values() for guest in found})
    teams = {guest: team for guest, team in owners.values_list("guest", "team") if team is not None}
    requests = {entry: number(name) for entry in entries if (name := _named(entry, REQUEST))}
    of_requests = dict(Request.objects.filter(pk__in=set(requests.values())).values_list("pk", "team"))
    told: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        own = {teams[guest] for guest in guests.get(entry, ()) if guest in teams}
        if entry in requests:
            told[REQUESTS].append(entry)
            own.add(of_requests.get(requests[entry], 0) or 0)
        own.add(number(_named(entry, "team")))
        copied = entry.kind == EntryKind.PROGRESS
        for team in own - {0}:
            told[moving_topic(team) if copied else team_topic(team)].append(entry)
    return told


@echoes
def for_groups(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Requests for VMs on hosts of a group."""
    requests = {entry: number(name) for entry in entries if (name := _named(entry, REQUEST))}
    guests = dict(Request.objects.filter(pk__in=set(requests.values())).values_list("pk", "guest")) if requests else {}
    groups = groups_by_guest(guests.values())
    told: dict[str, list[Entry]] = defaultdict(list)
    for entry, pk in requests.items():
        for group in groups.get(guests[pk], ()) if pk in guests else ():
            told[writer.group_topic(group)].append(entry)
    return told


def _guests(entries: Sequence[Entry]) -> dict[Entry, set[UUID]]:
    """The VMs that each entry is about."""
    found: dict[Entry, set[UUID]] = defaultdict(set)
    migrations: dict[int, list[Entry]] = defaultdict(list)
    hosts: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        told = entry.body.get("guests", []) if entry.topic == writer.INVENTORY else [_named(entry, "guest")]
        found[entry] |= set(_uuids(told))
        moved = entry.body.get("migration") if entry.topic == writer.MIGRATIONS else number(_named(entry, "migration"))
        if moved:
            migrations[moved].append(entry)
        if entry.topic == writer.INVENTORY and not told:
            for host in entry.body.get("hosts", []):
                hosts[host].append(entry)
    for pk, guest in Migration.objects.filter(pk__in=migrations).values_list("pk", "guest"):
        for entry in migrations[pk]:
            found[entry].add(guest)
    seen = Sighting.objects.filter(host__in=hosts, gone_since=None)
    for host, guest in seen.values_list("host", "guest"):
        for entry in hosts[host]:
            found[entry].add(guest)
    return found


def _named(entry: Entry, kind: str) -> str:
    """What is after the colon of a topic of this kind, "" for other topics."""
    before, _, name = entry.topic.partition(":")
    return name if before == kind else ""


def _uuids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in texts:
        with suppress(ValueError):
            found.append(UUID(text))
    return found
