"""What every template knows about the user."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from kvmweb.accounts.permissions import Right, may, roles_of


def who(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if user is None:
        return {}
    return {
        "may_see": may(user, Right.SEE),
        "may_refresh": may(user, Right.REFRESH),
        "may_read_records": may(user, Right.READ_RECORDS),
        "may_move": may(user, Right.MOVE),
        "may_forget": may(user, Right.FORGET),
        "may_close": may(user, Right.CLOSE),
        "may_change_vms": may(user, Right.CHANGE_VMS),
        "may_manage_hosts": may(user, Right.MANAGE_HOSTS),
        "may_manage_policies": may(user, Right.MANAGE_POLICIES),
        "may_move_unsafe": may(user, Right.MOVE_UNSAFE),
        "roles": sorted(roles_of(user)),
    }
