"""What this app shows on pages that are not its own, see kvmweb/ui/inserts.py."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from django.template.loader import render_to_string

from hosts.models import Guest, Host
from migrations_app.domain.lifecycle import State
from migrations_app.pages.policy_places import part_of_host
from migrations_app.reading import once
from migrations_app.reading.follow import list_topics
from migrations_app.reading.migrations import ended_lately

#: in the session: outcomes up to this time are no longer in the drawer
DISMISSED = "kvmweb_ended_dismissed"


def alarms(request: HttpRequest) -> str:
    """The migrations that need attention, or an order to resume post-copy."""
    needy = [move for move in once.moves(request) if move.state in (State.NEEDS_ATTENTION, State.POST_COPY_FAILED)]
    return render_to_string("migrations/_alarms.html", {"migrations": needy})


def running(request: HttpRequest) -> str:
    """The drawer: running migrations and those that ended lately."""
    until = request.session.get(DISMISSED)
    ended = ended_lately(request.user, datetime.fromisoformat(until) if until else None)
    return render_to_string("migrations/_running.html", {"moves": once.moves(request), "ended": ended}, request)


def lists(request: HttpRequest) -> str:
    """The topics that pages with lists follow."""
    return " ".join(list_topics(request.user))


def host_policy(request: HttpRequest, host: Host) -> str:
    """The policy of migrations from a host."""
    values = {"host": host, "policy": part_of_host(request.user, host)}
    return render_to_string("policies/_of_host.html", values, request)


def guest_now(request: HttpRequest, guest: Guest) -> str:
    """The VM's running migration, "" without one."""
    move = once.move_of(request, guest)
    return render_to_string("migrations/_now.html", {"migration": move}) if move else ""
