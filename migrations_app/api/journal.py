"""The whole journal in the API, for auditors and for programs that collect logs."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from kvmweb.accounts.permissions import Right, require
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON
from migrations_app.api.answers import EntryOut
from migrations_app.reading.journal import whole_journal

router = Router(tags=["records"])


class JournalFilter(Schema):
    """`topic`: what it happened to, such as `logins`, `host:3` or `migration:17`."""

    topic: Plain = Field("", max_length=80)


class RecordOut(EntryOut):
    topic: str


@router.get("/journal", response={200: Listed[RecordOut], **COMMON}, summary="List the journal, oldest first")
def list_journal(request: HttpRequest, page: Query[Page], wanted: Query[JournalFilter]) -> object:
    """All topics, and the log-ins among them. Pass the `id` of the last entry that you have as `after`."""
    require(request.user, Right.READ_RECORDS)
    items, following = paged(whole_journal(wanted.topic), page)
    return {"items": items, "next": following}
