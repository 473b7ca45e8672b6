"""The search in the bar of every page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from hosts.models import Guest, Host
from kvmweb.web.page import page
from migrations_app.pages.filters import LONGEST
from migrations_app.reading import search as reading
from migrations_app.words.badges import badge
from migrations_app.words.places import short_way

if TYPE_CHECKING:
    from migrations_app.models import Migration


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A hit as it is shown: in a list of links, or as a suggestion."""

    id: str
    url: str
    icon: str
    name: str
    note: str


@require_GET
@page()
def search(request: HttpRequest) -> HttpResponse:
    """The hits: suggestions while typing, else the only hit's own page, or a page with all of them."""
    text = request.GET.get("q", "")[:LONGEST].replace("\0", "")
    hits = reading.search(request.user, text)
    values = {"rows": [_row(hit) for hit in hits.all], "more": hits.more_guests, "asked": bool(text.split())}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "search/_suggestions.html", values)
    if hits.only is not None:
        return redirect(_row(hits.only).url)
    return render(request, "search/search.html", values)


def _row(hit: Guest | Host | Migration) -> Row:
    if isinstance(hit, Guest):
        where = f"VM on {hit.here}" if hit.here else "VM, on no host"  # type: ignore[attr-defined]
        return Row(
            id=f"vm-{hit.pk}", url=reverse("vm", args=[hit.pk]), icon="device-desktop", name=hit.name, note=where
        )
    if isinstance(hit, Host):
        return Row(id=f"host-{hit.pk}", url=reverse("host", args=[hit.pk]), icon="server", name=hit.name, note="Host")
    return Row(
        id=f"migration-{hit.pk}",
        url=reverse("migration", args=[hit.pk]),
        icon="arrows-right-left",
        name=short_way(hit),
        note=f"Migration {hit.pk}, {badge(hit).label.lower()}",
    )
