"""The VMs of one's teams, and one of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kvmweb.accounts.permissions import Right
from kvmweb.web.page import number, page
from kvmweb.web.plain import bare
from portal.pages.live import page_topics
from portal.reading.threads import requests_of
from portal.reading.vms import MOST_LISTED, in_order, migrations_of, own_rows, own_teams, own_vm, own_vms

ROWS = 50
LONGEST = 200
#: (key, heading, classes of the column); "" cannot be sorted by
COLUMNS = (
    ("state", "State", ""),
    ("", "Health", "wide-only"),
    ("name", "Name", ""),
    ("site", "Where", "wide-only"),
    ("last", "Last migration", "wide-only"),
    ("", "Request", ""),
)


@require_GET
@page(Right.SEE_OWN)
def vm_list(request: HttpRequest) -> HttpResponse:
    words = bare(request.GET.get("q", ""))[:LONGEST]
    sort = request.GET.get("sort", "")
    paginator = Paginator(in_order(own_rows(request.user, words=words), sort), ROWS)
    shown = paginator.get_page(number(request.GET.get("page", "")) or 1)
    values = {
        "topics": page_topics(request.user),
        "teams": own_teams(request.user),
        "vms": own_vms(shown),
        "shown": shown,
        "words": words,
        "columns": [_column(sort or "name", *column) for column in COLUMNS],
    }
    return render(request, "portal/vms.html", values)


def _column(sort: str, key: str, heading: str, classes: str) -> dict[str, Any]:
    chosen = bool(key) and sort.removeprefix("-") == key
    down = sort.startswith("-")
    next_sort = f"-{key}" if chosen and not down else key
    return {"key": key, "heading": heading, "classes": classes, "chosen": chosen, "down": down, "next": next_sort}


@require_GET
@page(Right.ASK)
def vm(request: HttpRequest, uuid: UUID) -> HttpResponse:
    found = own_vm(request.user, uuid)
    if found is None:
        raise Http404("Your teams have no VM with this UUID.")
    values = {
        "topics": page_topics(request.user),
        "vm": found,
        "migrations": migrations_of(uuid),
        "lines": requests_of(uuid, most=MOST_LISTED),
    }
    return render(request, "portal/vm.html", values)
