"""What this app shows on pages that are not its own, see kvmweb/ui/inserts.py."""

from __future__ import annotations

from django.http import HttpRequest
from django.template.loader import render_to_string

from hosts.models import Guest
from portal.reading.terms import has_team, may_set_terms
from portal.reading.times import terms_of


def guest(request: HttpRequest, guest: Guest) -> str:
    """For operators: when the VM's team wants it to be left alone. "" for a VM of no team."""
    if not has_team(guest):
        return ""
    values = {"guest": guest, "terms": terms_of(guest), "may_set": may_set_terms(request.user, guest)}
    return render_to_string("portal/operators/_of_vm.html", values, request)
