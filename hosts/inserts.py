"""What this app shows on pages that are not its own, see kvmweb/ui/inserts.py."""

from __future__ import annotations

from django.http import HttpRequest
from django.template.loader import render_to_string

from hosts.reading import hosts as reading
from hosts.reading.groups import names_of_groups


def alarms(request: HttpRequest) -> str:
    """The hosts that need a user."""
    return render_to_string("hosts/_alarms.html", {"hosts": reading.unwell(request.user)})


def groups(request: HttpRequest) -> str:
    """Of whose hosts a list is, "" when it is of all."""
    return names_of_groups(request.user)
