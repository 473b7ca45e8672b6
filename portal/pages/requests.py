"""The requests that one sees, the thread of one, and its withdrawal."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from kvmweb.accounts.permissions import Right, may
from kvmweb.journal.writer import request_topic
from kvmweb.web.page import number, page, person
from kvmweb.web.plain import ReasonForm
from portal.models import Request
from portal.pages.live import page_topics
from portal.reading.requests import views
from portal.reading.threads import lines_of, listed_requests, request_seen, thread_of
from portal.usecases.ask import wish_words
from portal.usecases.errors import TooLate
from portal.usecases.withdraw import require_owner, withdraw

ROWS = 50


@require_GET
@page(Right.ENTER)
def request_list(request: HttpRequest) -> HttpResponse:
    all_of_them = request.GET.get("all") == "yes"
    rows = listed_requests(request.user, is_open=None if all_of_them else True)
    shown = Paginator(rows, ROWS).get_page(number(request.GET.get("page", "")) or 1)
    values = {"topics": page_topics(request.user), "shown": shown, "lines": lines_of(shown), "all": all_of_them}
    return render(request, "portal/requests.html", values)


@require_GET
@page(Right.ENTER)
def request_page(request: HttpRequest, pk: int) -> HttpResponse:
    row = _seen(request, pk)
    values: dict[str, Any] = {
        "topics": page_topics(request.user, request_topic(pk)),
        "thread": thread_of(row),
        "where": wish_words(row.wish, row.value),
        "may_withdraw": not row.ended and _owns(request, row),
    }
    if may(request.user, Right.SEE, row):
        values["for_operators"] = views([row], request.user)[0]
    return render(request, "portal/request.html", values)


@require_http_methods(["GET", "POST"])
@page(Right.ASK)
def withdraw_page(request: HttpRequest, pk: int) -> HttpResponse:
    row = _seen(request, pk)
    require_owner(person(request), row)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if row.ended:
        messages.info(request, "This request has ended already.")
        return redirect("request", pk)
    if form.is_valid():
        try:
            withdraw(row, by=person(request), reason=form.cleaned_data["reason"])
        except TooLate:
            messages.info(request, "This request has ended already.")
        return redirect("request", pk)
    values = {"row": row, "form": form}
    return render(request, "portal/withdraw.html", values, status=422 if form.errors else 200)


def _owns(request: HttpRequest, row: Request) -> bool:
    try:
        require_owner(person(request), row)
    except PermissionDenied:
        return False
    return True


def _seen(request: HttpRequest, pk: int) -> Request:
    row = request_seen(request.user, pk)
    if row is None:
        raise Http404("There is no such request.")
    return row
