"""Who may do what: the one place. Pages, fragments, websockets and the API all ask here.

Roles are groups: a viewer sees, an operator migrates VMs, an admin manages hosts and users. A superuser may do all.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import rules
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    Person = AbstractBaseUser | AnonymousUser

M = TypeVar("M", bound=Model)


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Right(StrEnum):
    SEE = "kvmweb.see"
    MOVE = "kvmweb.move"
    FORGET = "kvmweb.forget"
    CHANGE_VMS = "kvmweb.change_vms"
    MANAGE_HOSTS = "kvmweb.manage_hosts"
    MANAGE_POLICIES = "kvmweb.manage_policies"
    MOVE_UNSAFE = "kvmweb.move_unsafe"
    CLOSE = "kvmweb.close"
    DELETE_COPIES = "kvmweb.delete_copies"
    MANAGE_PEOPLE = "kvmweb.manage_people"


def roles_of(user: Any) -> frozenset[str]:
    """The user's roles, read once per request (kept on the user object). An inactive user has none."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if user.is_superuser:
        return frozenset(Role)
    if not hasattr(user, "_kvmweb_roles"):
        names = user.groups.filter(name__in=list(Role)).values_list("name", flat=True)
        user._kvmweb_roles = frozenset(names)
    roles: frozenset[str] = user._kvmweb_roles
    return roles


@rules.predicate  # type: ignore[untyped-decorator]
def is_viewer(user: Any) -> bool:
    return bool(roles_of(user))


@rules.predicate  # type: ignore[untyped-decorator]
def is_operator(user: Any) -> bool:
    return bool(roles_of(user) & {Role.OPERATOR, Role.ADMIN})


@rules.predicate  # type: ignore[untyped-decorator]
def is_admin(user: Any) -> bool:
    return Role.ADMIN in roles_of(user)


rules.set_perm(Right.SEE, is_viewer)
rules.set_perm(Right.MOVE, is_operator)
rules.set_perm(Right.FORGET, is_operator)
rules.set_perm(Right.CHANGE_VMS, is_operator)
rules.set_perm(Right.MANAGE_HOSTS, is_admin)
rules.set_perm(Right.MANAGE_POLICIES, is_admin)
rules.set_perm(Right.MOVE_UNSAFE, is_admin)
rules.set_perm(Right.CLOSE, is_admin)
rules.set_perm(Right.DELETE_COPIES, is_admin)
rules.set_perm(Right.MANAGE_PEOPLE, is_admin)


def may(user: Any, right: Right, thing: Model | None = None) -> bool:
    return bool(rules.has_perm(right, user, thing))


def require(user: Any, right: Right, thing: Model | None = None) -> None:
    """Raise PermissionDenied unless the user has the right."""
    if not may(user, right, thing):
        raise PermissionDenied(DENIED[right])


def visible(rows: QuerySet[M], user: Any) -> QuerySet[M]:
    """The rows this user may see. Today every role sees everything; a user without a role sees nothing."""
    return rows if may(user, Right.SEE) else rows.none()


DENIED = {
    Right.SEE: "Your account has no role yet. An admin can make you a viewer, operator or admin.",
    Right.MOVE: "Migrating VMs requires the operator role.",
    Right.FORGET: "Forgetting VMs requires the operator role.",
    Right.CHANGE_VMS: "Changing the policy and the consent of a VM requires the operator role.",
    Right.MANAGE_HOSTS: "Adding and changing hosts requires the admin role.",
    Right.MANAGE_POLICIES: "Changing policies, and those of hosts and of the installation, requires the admin role.",
    Right.MOVE_UNSAFE: "Only an admin may request an unsafe migration.",
    Right.MANAGE_PEOPLE: "Managing users and reading the records requires the admin role.",
    Right.CLOSE: "Only an admin may close a migration that needs attention.",
    Right.DELETE_COPIES: "Deleting rollback copies requires the admin role.",
}
