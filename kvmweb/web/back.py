"""The way back to the page a refused request came from, with the choices that were made there."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

#: a form with this hidden field has a page that takes its choices from the query
MARK = "choices"
_NOT_CHOICES = {"csrfmiddlewaretoken", "key", "confirm", "source", "report", "password"}


def refused_in_place(status: int, sentence: str, label: str, login: str = "") -> HttpResponse:
    """For a request of htmx: static/js/page.js says the sentence on the open page and links to the page itself,
    by way of the login when there is one."""
    said = json.dumps({"kvmweb:refused": {"sentence": sentence, "label": label, "login": login}})
    return HttpResponse(status=status, headers={"HX-Trigger": said})


def way_back(request: HttpRequest) -> str:
    """A path of this site; "/" when nothing says where the request came from."""
    try:
        came_from = urlsplit(request.headers.get("Referer") or "")
    except ValueError:
        return "/"
    here = came_from.netloc == request.get_host() and came_from.path.startswith("/")
    path = "/" + came_from.path.lstrip("/") if here else "/"
    if MARK not in request.POST or not here:
        return f"{path}?{came_from.query}" if here and came_from.query else path
    kept = request.POST.copy()
    for name in _NOT_CHOICES & kept.keys():
        del kept[name]
    return f"{path}?{kept.urlencode()}"
