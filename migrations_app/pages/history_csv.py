"""The history of migrations for a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from kvmweb.web.page import page
from migrations_app.models import Migration
from migrations_app.pages.filters import MigrationTableFilter
from migrations_app.reading.migrations import migration_rows, veiled

#: what a spreadsheet takes for the beginning of a formula, see OWASP on CSV injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MOST_ROWS = 50_000
_ROWS_AT_ONCE = 200
COLUMNS = (
    "id", "vm", "vm_uuid", "source", "destination", "method", "state", "requested_by", "reason", "requested_at",
    "started_at", "finished_at", "took_ms", "transfer_ms", "downtime_ms", "transferred_bytes", "average_rate_bps",
    "passes", "policy", "options", "state_text", "cause", "libvirt",
)  # fmt: skip


@require_GET
@page()
def history(request: HttpRequest) -> HttpResponse:
    """Those that the list shows with the same address, the newest first."""
    rows = MigrationTableFilter(request.GET, queryset=migration_rows(request.user), request=request).qs
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="migrations.csv"'
    write = csv.writer(answer, quoting=csv.QUOTE_NONNUMERIC).writerow
    write(COLUMNS)
    for row in rows.order_by("-id")[:MOST_ROWS].iterator(_ROWS_AT_ONCE):
        write(map(safe, _cells(veiled(request.user, row))))
    return answer


def _cells(row: Migration) -> Iterator[Any]:
    yield from (row.pk, row.guest_name, row.guest_id, row.source.name, row.target.name, row.kind, row.state)
    yield from (row.requested_by_name, row.reason)
    yield from (at.isoformat() if at else None for at in (row.requested_at, row.started_at, row.finished_at))
    yield from (row.whole_ms and round(row.whole_ms), row.copying_ms, row.downtime_ms)
    yield from (row.progress.get(name) for name in ("transferred_bytes", "rate_bps", "iteration"))
    yield row.policy_data.name if row.policy_data else None
    yield json.dumps(row.options)
    yield from (row.state_text, row.error.get("cause"), row.error.get("libvirt"))


def safe(cell: Any) -> Any:
    """A number as it is; a text that a spreadsheet would calculate gets an apostrophe before it."""
    if cell is None or isinstance(cell, int | float):
        return cell
    text = str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
