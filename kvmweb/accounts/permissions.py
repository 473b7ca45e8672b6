"""Who may do what: the one place. Pages, fragments, websockets and the API all ask here.

Roles are grants (kvmweb/accounts/models.py), each everywhere or for a scope: roles.py says what each may do. A
superuser may do all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import rules
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet

from kvmweb.accounts.models import Ownership, Team
from kvmweb.accounts.roles import EVERYWHERE, OF_GROUPS, OF_TEAMS, Role, group_of, team_of

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    Person = AbstractBaseUser | AnonymousUser

M = TypeVar("M", bound=Model)


_NOTHING = Q(pk__in=())

#: who sees hosts, all VMs and all migrations
_SEES_EVERYTHING = frozenset({Role.VIEWER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN})


class Right(StrEnum):
    ENTER = "kvmweb.enter"
    SEE_OWN = "kvmweb.see_own"
    #: hosts, VMs and migrations: all, or those of the groups of hosts that the role was given for
    SEE = "kvmweb.see"
    SEE_EVERYTHING = "kvmweb.see_everything"
    REFRESH = "kvmweb.refresh"
    MOVE = "kvmweb.move"
    FORGET = "kvmweb.forget"
    CHANGE_VMS = "kvmweb.change_vms"
    MANAGE_HOSTS = "kvmweb.manage_hosts"
    MANAGE_POLICIES = "kvmweb.manage_policies"
    MOVE_UNSAFE = "kvmweb.move_unsafe"
    CLOSE = "kvmweb.close"
    DELETE_COPIES = "kvmweb.delete_copies"
    MANAGE_PEOPLE = "kvmweb.manage_people"
    READ_RECORDS = "kvmweb.read_records"
    MANAGE_TEAMS = "kvmweb.manage_teams"
    SEE_TEAMS = "kvmweb.see_teams"
    ASK = "kvmweb.ask"
    MANAGE_APPROVALS = "kvmweb.manage_approvals"
    SEE_HEALTH = "kvmweb.see_health"
    MAKE_BUNDLE = "kvmweb.make_bundle"
    MANAGE_WINDOWS = "kvmweb.manage_windows"
    MANAGE_PROBING = "kvmweb.manage_probing"


def grants_of(user: Any) -> frozenset[tuple[str, str]]:
    """The user's (role, scope), read once per request (kept on the user object). An inactive user has none."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if user.is_superuser:
        return frozenset((role, EVERYWHERE) for role in Role)
    if not hasattr(user, "_kvmweb_grants"):
        user._kvmweb_grants = frozenset(user.grants.values_list("role", "scope"))
    grants: frozenset[tuple[str, str]] = user._kvmweb_grants
    return grants


def roles_of(user: Any) -> frozenset[str]:
    """The roles that the user has everywhere."""
    return frozenset(role for role, scope in grants_of(user) if scope == EVERYWHERE)


def teams_of(user: Any, roles: Iterable[str] = OF_TEAMS) -> frozenset[int]:
    """The teams in which the user has one of these roles."""
    wanted = frozenset(roles)
    teams = (team_of(scope) for role, scope in grants_of(user) if role in wanted)
    return frozenset(team for team in teams if team is not None)


def groups_of(user: Any, roles: Iterable[str] = OF_GROUPS) -> frozenset[int]:
    """The groups of hosts for which the user has one of these roles."""
    wanted = frozenset(roles)
    groups = (group_of(scope) for role, scope in grants_of(user) if role in wanted)
    return frozenset(group for group in groups if group is not None)


def roles_decided(user: Any) -> frozenset[str]:
    """For which of the roles that approve anywhere the user may decide: an admin also where an operator is asked."""
    has = roles_of(user)
    if Role.ADMIN in has:
        return frozenset({Role.OPERATOR, Role.ADMIN})
    return has & {Role.OPERATOR}


def may_decide(user: Any, role: str, *, team: int | None) -> bool:
    """Whether the user may approve what this role must approve. `team`: of the VM; its leads decide for it."""
    return team in teams_of(user, {Role.LEAD}) if role == Role.LEAD else role in roles_decided(user)


def _one_of(*roles: Role) -> Any:
    """A rule: the user has one of these roles everywhere."""
    wanted = frozenset(roles)

    @rules.predicate  # type: ignore[untyped-decorator]
    def has_one(user: Any) -> bool:
        return bool(roles_of(user) & wanted)

    return has_one


def _also_in_groups(*roles: Role) -> Any:
    """A rule: the user has one of these roles for a group of hosts; of a thing, for the groups of all that is `touched`
    when something is done with it: both hosts of a migration. Without `touched` that is the thing itself."""

    @rules.predicate  # type: ignore[untyped-decorator]
    def has_one_there(user: Any, thing: Model | None) -> bool:
        groups = groups_of(user, roles)
        if thing is None or not groups:
            return bool(groups)
        return all(_belongs(one, groups) for one in getattr(thing, "touched", (thing,)))

    return has_one_there


def _belongs(thing: Model, groups: Collection[int]) -> bool:
    return of_groups(type(thing)._default_manager.filter(pk=thing.pk), groups).exists()


class Denied(PermissionDenied):
    """`shown`: it is about something that the user was found to see."""

    def __init__(self, why: str, *, shown: bool = False) -> None:
        super().__init__(why)
        self.shown = shown


_sees_everything = _one_of(*_SEES_EVERYTHING)
_operates_all = _one_of(Role.OPERATOR, Role.ADMIN)
_operates = _operates_all | _also_in_groups(Role.OPERATOR)


@rules.predicate  # type: ignore[untyped-decorator]
def _has_a_role(user: Any) -> bool:
    return bool(grants_of(user))


@rules.predicate  # type: ignore[untyped-decorator]
def _is_of_teams(user: Any) -> bool:
    return any(role in OF_TEAMS for role, _ in grants_of(user))


@rules.predicate  # type: ignore[untyped-decorator]
def _sees_groups(user: Any, thing: Model | None) -> bool:
    groups = groups_of(user)
    return bool(groups) and (thing is None or _belongs(thing, groups))


@rules.predicate  # type: ignore[untyped-decorator]
def _leads(user: Any) -> bool:
    return bool(teams_of(user, {Role.LEAD}))


@rules.predicate  # type: ignore[untyped-decorator]
def _has_a_team(user: Any) -> bool:
    return bool(teams_of(user))


for _right, _rule in {
    Right.ENTER: _has_a_role,
    Right.SEE_OWN: _is_of_teams,
    Right.SEE: _sees_everything | _sees_groups,
    Right.SEE_EVERYTHING: _sees_everything,
    Right.REFRESH: _one_of(*_SEES_EVERYTHING - {Role.AUDITOR}) | _also_in_groups(Role.VIEWER, Role.OPERATOR),
    Right.MOVE: _operates,
    Right.FORGET: _operates,
    Right.CHANGE_VMS: _operates,
    Right.READ_RECORDS: _one_of(Role.AUDITOR, Role.ADMIN),
    Right.MANAGE_HOSTS: _one_of(Role.ADMIN),
    Right.MANAGE_POLICIES: _one_of(Role.ADMIN),
    Right.MOVE_UNSAFE: _one_of(Role.ADMIN),
    Right.CLOSE: _one_of(Role.ADMIN),
    Right.DELETE_COPIES: _one_of(Role.ADMIN),
    Right.MANAGE_PEOPLE: _one_of(Role.ADMIN),
    Right.MANAGE_TEAMS: _one_of(Role.ADMIN),
    Right.SEE_TEAMS: _sees_everything | _leads,
    Right.ASK: _has_a_team,
    Right.MANAGE_APPROVALS: _one_of(Role.ADMIN),
    Right.SEE_HEALTH: _one_of(Role.AUDITOR, Role.ADMIN),
    Right.MAKE_BUNDLE: _one_of(Role.ADMIN),
    Right.MANAGE_WINDOWS: _one_of(Role.ADMIN),
    Right.MANAGE_PROBING: _one_of(Role.ADMIN),
}.items():
    rules.set_perm(_right, _rule)


def may(user: Any, right: Right, thing: Model | None = None) -> bool:
    return bool(rules.has_perm(right, user, thing))


def require(user: Any, right: Right, thing: Model | None = None) -> None:
    """Raise Denied unless the user has the right. `thing`: what `visible` has shown to the user."""
    if may(user, right, thing):
        return
    if sees_only_own(user):
        raise Denied(ONLY_OWN, shown=thing is not None and right in _OF_PORTAL)
    raise Denied(IN_OTHER_GROUPS if may(user, right) else DENIED[right], shown=thing is not None)


def sees_only_own(user: Any) -> bool:
    """Somebody of a team who sees nothing else: no host, no other VM."""
    return may(user, Right.SEE_OWN) and not may(user, Right.SEE)


def hides(user: Any, refusal: object, *, names_object: bool) -> bool:
    """Whether this refusal has to look as if the object in the address did not exist: it may be somebody else's."""
    narrow = may(user, Right.ENTER) and not may(user, Right.SEE_EVERYTHING)
    return names_object and not getattr(refusal, "shown", False) and narrow


def visible(rows: QuerySet[M], user: Any) -> QuerySet[M]:
    """The rows this user may see: all, or those of their teams and of their groups of hosts. Whoever has groups reads
    of teams only what a model calls `names_no_host`."""
    if may(user, Right.SEE_EVERYTHING):
        return rows
    groups = groups_of(user)
    if groups and not getattr(rows.model, "names_no_host", False):
        return of_groups(rows, groups)  # what else is of their teams, they read in the portal
    return rows.filter(_in_teams(rows.model, user) | _in_groups(rows.model, groups))


def of_teams(rows: QuerySet[M], user: Any) -> QuerySet[M]:
    """The teams that the user leads; of other rows those about VMs of the user's teams."""
    return rows.filter(_in_teams(rows.model, user))


def operated(rows: QuerySet[M], user: Any) -> QuerySet[M]:
    """Those that the user operates: all, or those of the groups where the user is an operator."""
    return rows if _operates_all(user) else of_groups(rows, groups_of(user, {Role.OPERATOR}))


def of_groups(rows: QuerySet[M], groups: Collection[int]) -> QuerySet[M]:
    """The rows that have to do with a host of these groups."""
    return rows.filter(_in_groups(rows.model, groups))


def _in_teams(model: type[Model], user: Any) -> Q:
    """A model says with `team_key` which of its fields is the UUID of the VM it is about; without it no row is a
    team's."""
    if model is Team:
        return Q(pk__in=teams_of(user, {Role.LEAD}))
    key, teams = getattr(model, "team_key", ""), teams_of(user)
    if not key or not teams:
        return _NOTHING
    return Q(**{f"{key}__in": Ownership.objects.filter(team__in=teams).values("guest")})


def _in_groups(model: type[Model], groups: Collection[int]) -> Q:
    """A model says with `in_groups(groups) -> Q` which of its rows have to do with hosts of these groups; without it
    none does."""
    chosen = getattr(model, "in_groups", None)
    return chosen(groups) if chosen and groups else _NOTHING


#: what people of teams do with what the portal shows them; all else looks to them as if it did not exist
_OF_PORTAL = frozenset({Right.MANAGE_TEAMS, Right.ASK})
IN_OTHER_GROUPS = "Your role for this is for other groups of hosts."
#: why people of teams are refused anything else
ONLY_OWN = "You see the VMs of your team. This needs another role."
_NO_ROLE = "Your account has no role yet. An admin can give you one."
DENIED = {
    Right.ENTER: _NO_ROLE,
    Right.SEE: _NO_ROLE,
    Right.SEE_EVERYTHING: "This needs a role for all hosts. Yours is for some groups of hosts.",
    Right.SEE_OWN: "This page is for people in teams. An admin can add you to one.",
    Right.REFRESH: "An auditor changes nothing. Reading a host again requires the viewer role.",
    Right.MOVE: "Migrating VMs requires the operator role.",
    Right.FORGET: "Forgetting VMs requires the operator role.",
    Right.CHANGE_VMS: "Changing the policy and the consent of a VM requires the operator role.",
    Right.MANAGE_HOSTS: "Adding and changing hosts requires the admin role.",
    Right.MANAGE_POLICIES: "Changing policies, and those of hosts and of the installation, requires the admin role.",
    Right.MOVE_UNSAFE: "Only an admin may request an unsafe migration.",
    Right.MANAGE_PEOPLE: "Managing users requires the admin role.",
    Right.MANAGE_TEAMS: "Managing teams requires the admin role.",
    Right.SEE_TEAMS: "Seeing teams requires the viewer role for all hosts, or to lead a team.",
    Right.ASK: "Requests are for people in teams, about their own VMs.",
    Right.MANAGE_APPROVALS: "Changing who must approve what requires the admin role.",
    Right.MAKE_BUNDLE: "Making a support bundle requires the admin role.",
    Right.SEE_HEALTH: "The health page requires the auditor or admin role.",
    Right.MANAGE_WINDOWS: "Changing windows and blackouts requires the admin role.",
    Right.MANAGE_PROBING: "Naming the networks in which VMs are probed requires the admin role.",
    Right.READ_RECORDS: "Reading the records requires the auditor or admin role.",
    Right.CLOSE: "Only an admin may close a migration that needs attention.",
    Right.DELETE_COPIES: "Deleting rollback copies requires the admin role.",
}
