"""What admins do with teams, and which VM belongs to which. VMs are UUIDs here; hosts/usecases/teams.py knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError, transaction

from kvmweb.accounts.grants import end_scope, set_roles
from kvmweb.accounts.models import Ownership, Team
from kvmweb.accounts.permissions import Right, require
from kvmweb.accounts.roles import OF_TEAMS
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import is_plain, isolated
from kvmweb.web.refused import FieldRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LONGEST_NAME = 100
MOST_PATTERNS = 50


class TeamRefused(FieldRefused):
    """The team cannot be as it is wanted."""


class OwnedByOther(Exception):
    """An admin gave the VM to another team: `team`."""

    def __init__(self, team: Team) -> None:
        super().__init__(f"This VM belongs to the team {isolated(team.name)}. Take it from that team first.")
        self.team = team


@transaction.atomic
def create_team(name: str, *, by: User, reason: str = "") -> Team:
    """Raises TeamRefused, PermissionDenied."""
    require(by, Right.MANAGE_TEAMS)
    team = Team(name=_plain_name(name))
    _save(team, "name")
    tell(team, by, f"created the team {isolated(team.name)}", reason=reason)
    return team


@transaction.atomic
def rename_team(team: Team, name: str, *, by: User, reason: str = "") -> None:
    """Raises TeamRefused, PermissionDenied."""
    require(by, Right.MANAGE_TEAMS, team)
    before, team.name = team.name, _plain_name(name)
    if before != team.name:
        _save(team, "name")
        tell(team, by, f"renamed the team {isolated(before)} to {isolated(team.name)}", reason=reason)


@transaction.atomic
def delete_team(team: Team, *, by: User, reason: str = "") -> None:
    """Its VMs belong to nobody afterwards; its people lose what they could see as members. Raises PermissionDenied."""
    require(by, Right.MANAGE_TEAMS, team)
    tell(team, by, f"deleted the team {isolated(team.name)}", reason=reason)
    end_scope(team.scope, by=by, reason=reason)
    team.delete()


@transaction.atomic
def set_member(team: Team, user: User, role: str, *, by: User, reason: str = "") -> None:
    """Raises PermissionDenied."""
    require(by, Right.MANAGE_TEAMS, team)
    if role not in OF_TEAMS:
        raise TeamRefused("role", "A person in a team is member or lead.")
    if list(user.grants.filter(scope=team.scope).values_list("role", flat=True)) != [role]:
        set_roles(user, [role], team.scope)
        text = f"made {isolated(user.get_username())} {role} of the team {isolated(team.name)}"
        tell(team, by, text, reason=reason)


@transaction.atomic
def remove_member(team: Team, user: User, *, by: User, reason: str = "") -> bool:
    """False: the user was not in the team. Raises PermissionDenied."""
    require(by, Right.MANAGE_TEAMS, team)
    if not user.grants.filter(scope=team.scope).exists():
        return False
    set_roles(user, [], team.scope)
    tell(team, by, f"removed {isolated(user.get_username())} from the team {isolated(team.name)}", reason=reason)
    return True


def give(team: Team, guest: UUID) -> bool:
    """The VM is the team's, whatever its name says. False: it was. Raises OwnedByOther when an admin gave it to another
    team before; what a pattern or the definition gave goes over."""
    row = Ownership.objects.select_for_update().filter(pk=guest).first()
    if row is not None and row.team not in (None, team) and row.by_hand:
        assert row.team is not None
        raise OwnedByOther(row.team)
    if row is not None and row.team == team and row.by_hand:
        return False
    Ownership.objects.update_or_create(guest=guest, defaults={"team": team, "pattern": "", "by_metadata": False})
    return True


def take(team: Team, guest: UUID, name: str, *, named: str = "") -> bool:
    """The VM is nobody's, also if its name matches a pattern, or its definition names a team (`named`). False: it was
    not the team's."""
    owned = Ownership.objects.filter(pk=guest, team=team)
    if _first_match(_patterns(), name) is None and not named:
        return bool(owned.delete()[0])
    return bool(owned.update(team=None, pattern="", by_metadata=False))


def set_claims(team: Team, allowed: bool) -> bool:
    """Whether definitions may give VMs to the team; `claims.settle` then does. False: it is the same."""
    if team.claims_metadata == allowed:
        return False
    team.claims_metadata = allowed
    team.save(update_fields=["claims_metadata"])
    return True


def set_patterns(team: Team, patterns: Iterable[str]) -> bool:
    """VMs that a dropped pattern gave the team are nobody's now; `claim` gives what the others match. False: they are
    the same. Raises TeamRefused."""
    wanted = list(dict.fromkeys(pattern for text in patterns if (pattern := text.strip())))
    if len(wanted) > MOST_PATTERNS or any(len(one) > LONGEST_NAME or not is_plain(one) for one in wanted):
        message = f"At most {MOST_PATTERNS} patterns, each one line of at most {LONGEST_NAME} characters."
        raise TeamRefused("patterns", message)
    if wanted == team.patterns:
        return False
    team.owned.exclude(pattern="").exclude(pattern__in=wanted).delete()
    team.patterns = wanted
    team.save(update_fields=["patterns"])
    return True


def claim(names: Mapping[UUID, str]) -> None:
    """Gives VMs that nobody owns to the team, the oldest first, that has a pattern for their name."""
    patterns = _patterns()
    if not patterns or not names:
        return
    owned = set(Ownership.objects.filter(guest__in=list(names)).values_list("guest", flat=True))
    found = {guest: _first_match(patterns, name) for guest, name in names.items() if guest not in owned}
    rows = [Ownership(guest=guest, team_id=hit[0], pattern=hit[1]) for guest, hit in found.items() if hit]
    Ownership.objects.bulk_create(rows, ignore_conflicts=True)
    teams = Team.objects.in_bulk({hit[0] for hit in found.values() if hit})
    for row in rows:
        assert row.team_id is not None
        team, name = isolated(teams[row.team_id].name), isolated(names[row.guest])
        text = f"{name} belongs to the team {team}: its name matches {isolated(row.pattern)}."
        writer.write(writer.guest_topic(str(row.guest)), EntryKind.NOTE, text, body={"team": row.team_id})


def tell(team: Team, by: User, did: str, *, reason: str = "") -> None:
    """`did` continues the sentence that begins with the user's name."""
    text = f"{isolated(by.get_username())} {did}"
    writer.write(writer.team_topic(team.pk), EntryKind.ACTION, text, actor=by, reason=reason)


def _patterns() -> Sequence[tuple[int, str]]:
    teams = Team.objects.exclude(patterns=[]).order_by("pk").values_list("pk", "patterns")
    return [(pk, pattern) for pk, patterns in teams for pattern in patterns]


def _first_match(patterns: Sequence[tuple[int, str]], name: str) -> tuple[int, str] | None:
    return next((one for one in patterns if fnmatchcase(name, one[1])), None)


def _plain_name(name: str) -> str:
    plain = name.strip()
    if not plain or len(plain) > LONGEST_NAME or not is_plain(plain):
        raise TeamRefused("name", f"A team needs a name: one line of at most {LONGEST_NAME} characters.")
    return plain


def _save(team: Team, field: str) -> None:
    try:
        with transaction.atomic():
            team.save(update_fields=[field] if team.pk else None)
    except IntegrityError:
        raise TeamRefused("name", "Another team has this name.") from None
