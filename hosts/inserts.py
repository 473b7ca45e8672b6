"""What this app shows on pages that are not its own, see kvmweb/ui/inserts.py."""

from __future__ import annotations

from django.http import HttpRequest
from django.template.loader import render_to_string

from hosts.reading import hosts as reading


def alarms(request: HttpRequest) -> str:
    """The hosts that need a user."""
    return render_to_string("hosts/_alarms.html", {"hosts": reading.unwell(request.user)})
