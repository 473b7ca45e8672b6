"""The whole journal, for reading: filters, and an export of what they leave."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kvmweb.accounts.permissions import Right
from kvmweb.console.forms import HistoryForm
from kvmweb.journal.models import EntryKind
from kvmweb.journal.reading import entries
from kvmweb.web.page import number, page

#: entries in one file; the API gives all
MOST_EXPORTED = 50_000
_A_PAGE = 100


@require_GET
@page(Right.READ_RECORDS)
def history(request: HttpRequest) -> HttpResponse:
    form, rows = _filtered(request)
    rows = rows.exclude(kind=EntryKind.PROGRESS)  # two a second while a VM migrates, and no words
    before = number(request.GET.get("before", ""))
    shown = list((rows.filter(pk__lt=before) if before else rows)[: _A_PAGE + 1])
    older = _query(request, before=shown[_A_PAGE - 1].pk) if len(shown) > _A_PAGE else ""
    values = {"form": form, "entries": shown[:_A_PAGE], "older": older, "query": _query(request), "most": MOST_EXPORTED}
    return render(request, "console/history.html", values)


@require_GET
@page(Right.READ_RECORDS)
def export(request: HttpRequest) -> HttpResponse:
    """The newest MOST_EXPORTED with these filters, oldest first: one JSON object a line."""
    _, rows = _filtered(request)
    lines = [json.dumps(_plain(entry)) + "\n" for entry in rows[:MOST_EXPORTED].iterator()]
    headers = {"Content-Disposition": 'attachment; filename="journal.jsonl"'}
    return HttpResponse("".join(reversed(lines)), content_type="application/x-ndjson", headers=headers)


def _filtered(request: HttpRequest) -> tuple[HistoryForm, Any]:
    form = HistoryForm(request.GET)
    form.is_valid()
    asked = form.cleaned_data
    return form, entries(text=asked.get("q", ""), topic=asked.get("topic", ""), actor=asked.get("actor", ""))


def _query(request: HttpRequest, **more: int) -> str:
    kept = request.GET.copy()
    for name in ("before", *_empty(kept.items())):
        kept.pop(name, None)
    for name, value in more.items():
        kept[name] = str(value)
    return f"?{kept.urlencode()}" if kept else ""


def _empty(values: Iterable[tuple[str, Any]]) -> list[str]:
    return [name for name, value in values if not value]


def _plain(entry: Any) -> dict[str, Any]:
    return {
        "id": entry.pk,
        "time": entry.created.isoformat(),
        "topic": entry.topic,
        "kind": entry.kind,
        "text": entry.text,
        "actor": entry.actor_name,
        "reason": entry.reason,
        "body": entry.body,
    }
