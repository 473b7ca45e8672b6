"""The history of migrations for a spreadsheet, row by row: there may be any number of them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from kvmweb.web.page import page
from migrations_app.models import Migration
from migrations_app.pages.filters import MigrationTableFilter
from migrations_app.reading.migrations import migration_rows, veiled
from migrations_app.words.chosen import chosen_values

#: What a spreadsheet takes for the beginning of a formula, see OWASP on CSV injection. One that takes semicolons for
#: separators, as many languages have it, begins a cell after each of them, quotes or not, and a row after each line.
_CELL = r"(?:^|(?<=[;\t\r\n]))"
_SKIPPED = r"[\s\"'\x00-\x1f\ufeff\u200b]*"
_FORMULA = re.compile(rf"{_CELL}(?={_SKIPPED}[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])")
_ROWS_AT_ONCE = 200
COLUMNS = (
    "id", "vm", "vm_uuid", "source", "destination", "method", "state", "requested_by", "reason", "requested_at",
    "started_at", "finished_at", "took_ms", "forecast_low_ms", "forecast_high_ms", "transfer_ms",
    "forecast_downtime_low_ms", "forecast_downtime_high_ms", "downtime_ms", "felt_ms", "transferred_bytes",
    "average_rate_bps", "passes", "policy", "options", "state_text", "cause", "what_to_do", "libvirt",
)  # fmt: skip


@require_GET
@page()
def history(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Those that the list shows with the same address, the newest first."""
    rows = MigrationTableFilter(request.GET, queryset=migration_rows(request.user), request=request).qs
    rows = rows.order_by("-id")
    first = _some(request.user, rows)
    head = _lines([COLUMNS, *map(_cells, first)])
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": 'attachment; filename="migrations.csv"',
    }
    if len(first) < _ROWS_AT_ONCE:
        return HttpResponse(head, headers=headers)
    return StreamingHttpResponse(_pieces(request.user, rows, head, first[-1].pk), headers=headers)


async def _pieces(user: Any, rows: QuerySet[Migration], head: str, last: int) -> AsyncIterator[str]:
    """Each with a short query of its own: a slow reader must not hold the database."""
    yield head
    while found := await sync_to_async(_some)(user, rows.filter(pk__lt=last)):
        yield _lines(map(_cells, found))
        last = found[-1].pk


def _some(user: Any, rows: QuerySet[Migration]) -> list[Migration]:
    return [veiled(user, row) for row in rows[:_ROWS_AT_ONCE]]


def _lines(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC).writerows(map(safe, row) for row in rows)
    return text.getvalue()


def _cells(row: Migration) -> Iterator[Any]:
    seen = row.forecast
    yield from (row.pk, row.guest_name, row.guest_id, row.source.name, row.target.name, row.kind, row.state)
    yield from (row.requested_by_name, row.reason)
    yield from (at.isoformat() if at else None for at in (row.requested_at, row.started_at, row.finished_at))
    yield from (row.whole_ms and round(row.whole_ms), seen.get("low_ms"), seen.get("high_ms"), row.copying_ms)
    yield from (seen.get("downtime_low_ms"), seen.get("downtime_high_ms"), row.downtime_ms)
    yield row.felt["longest_ms"] if row.felt else None
    yield from (row.progress.get(name) for name in ("transferred_bytes", "rate_bps", "iteration"))
    yield row.policy_data.name if row.policy_data else None
    yield json.dumps(chosen_values(row.options), ensure_ascii=False)
    yield row.state_text
    yield from (row.error.get(name) for name in ("cause", "what_to_do", "libvirt"))


def safe(cell: Any) -> Any:
    """A number as it is; in a text an apostrophe stands before what a spreadsheet would calculate."""
    if cell is None or isinstance(cell, int | float):
        return cell
    return _FORMULA.sub("'", str(cell))
