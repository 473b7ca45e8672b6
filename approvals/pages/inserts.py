"""What this app shows on pages that are not its own, see kvmweb/ui/inserts.py."""

from __future__ import annotations

from django.forms import BoundField
from django.http import HttpRequest
from django.template.loader import render_to_string

from approvals.reading.approvals import waiting_for
from approvals.reading.rules import broken_glasses, four_eyes
from kvmweb.accounts.permissions import Right, may


def rail(request: HttpRequest) -> str:
    """The link to the approvals, with the number of those that wait for the user."""
    if not may(request.user, Right.ENTER):
        return ""
    return render_to_string("approvals/_rail.html", {"waiting": waiting_for(request.user).count()}, request)


def alarms(request: HttpRequest) -> str:
    """For admins: who did not wait for a second one."""
    return render_to_string("approvals/_alarms.html", {"glasses": broken_glasses(request.user)})


def break_glass(request: HttpRequest, what: str, field: BoundField | str) -> str:
    """The field for the reason not to wait for another admin, if four eyes are on. `what`: "unsafe" or "closing"."""
    if not getattr(four_eyes(), what):
        return ""
    return render_to_string("approvals/_break_glass.html", {"what": what, "field": field})
