from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from kvmweb.accounts.admin_site import ReadOnly
from kvmweb.accounts.permissions import require
from kvmweb.journal.models import Entry, EntryKind

#: entries in one file; the API gives all
MOST_EXPORTED = 50_000


@admin.register(Entry)
class Entries(ReadOnly):
    list_display = ("created", "topic", "kind", "text", "actor_name")
    list_filter = ("kind",)
    search_fields = ("topic", "text", "actor_name")
    ordering = ("-id",)
    change_list_template = "admin/journal.html"

    def get_urls(self) -> list[Any]:
        export = path("export/", self.admin_site.admin_view(self.export), name="journal_entry_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponse:
        """What the list shows with these filters, the newest MOST_EXPORTED, oldest first: one JSON object a line."""
        require(request.user, self.right)
        try:
            rows = self.get_changelist_instance(request).queryset.exclude(kind=EntryKind.SIGNAL)
        except IncorrectLookupParameters:
            raise Http404 from None
        lines = [json.dumps(_plain(entry)) + "\n" for entry in rows.order_by("-id")[:MOST_EXPORTED].iterator()]
        headers = {"Content-Disposition": 'attachment; filename="journal.jsonl"'}
        return HttpResponse("".join(reversed(lines)), content_type="application/x-ndjson", headers=headers)


def _plain(entry: Entry) -> dict[str, Any]:
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
