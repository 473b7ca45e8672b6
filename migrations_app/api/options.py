"""The options of a migration in the API."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from kvmweb.accounts.permissions import Right, require
from kvmweb.web.paging import Listed
from kvmweb.web.problems import COMMON
from migrations_app.api.option_answers import OptionOut
from migrations_app.domain.options import OPTIONS

router = Router(tags=["migrations"])


@router.get("/options", response={200: Listed[OptionOut], **COMMON}, summary="List the options of a migration")
def list_options(request: HttpRequest) -> object:
    """All in one page, in the order of `OptionsIn`."""
    require(request.user, Right.SEE)
    return {"items": OPTIONS, "next": None}
