"""What every template knows about the user."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest

from kvmweb.accounts.permissions import Right, may, teams_of

#: what a role for a group of hosts gives for what belongs to the group
_OF_THINGS = {
    "may_refresh": Right.REFRESH,
    "may_move": Right.MOVE,
    "may_forget": Right.FORGET,
    "may_change_vms": Right.CHANGE_VMS,
}


def who(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if user is None:
        return {}
    may_see = may(user, Right.SEE)
    return {
        #: around every page that all may open: what people of teams must not see is in none of theirs
        "layout": "base.html" if may_see else "portal/base.html" if may(user, Right.ENTER) else "plain.html",
        "in_a_team": bool(teams_of(user)),
        "may_see": may_see,
        "may_see_everything": may(user, Right.SEE_EVERYTHING),
        "may_read_records": may(user, Right.READ_RECORDS),
        "may_make_bundle": may(user, Right.MAKE_BUNDLE),
        "may_see_teams": may(user, Right.SEE_TEAMS),
        "may_manage_teams": may(user, Right.MANAGE_TEAMS),
        "may_close": may(user, Right.CLOSE),
        "may_manage_hosts": may(user, Right.MANAGE_HOSTS),
        "may_manage_policies": may(user, Right.MANAGE_POLICIES),
        "may_manage_approvals": may(user, Right.MANAGE_APPROVALS),
        "may_move_unsafe": may(user, Right.MOVE_UNSAFE),
        #: for the page to log in; asked only there
        "no_user_yet": lambda: not User.objects.exists(),
        "may_enter": may(user, Right.ENTER),
        **rights_on(user),
    }


def rights_on(user: Any, thing: Model | None = None) -> dict[str, bool]:
    """For the page of a host, a VM or a migration: what the user may do with it. Without one: with any."""
    return {name: may(user, right, thing) for name, right in _OF_THINGS.items()}
