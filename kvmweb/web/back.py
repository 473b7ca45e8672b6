"""The way back to the page a refused request came from, with the choices that were made there."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest

#: a form with this hidden field has a page that takes its choices from the query
MARK = "choices"
_NOT_CHOICES = {"csrfmiddlewaretoken", "key", "confirm", "source", "report", "password"}


def way_back(request: HttpRequest) -> str:
    """A path of this site; "/" when nothing says where the request came from."""
    came_from = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "")
    here = came_from.netloc == request.get_host() and came_from.path.startswith("/")
    path = "/" + came_from.path.lstrip("/") if here else "/"
    if MARK not in request.POST or not here:
        return f"{path}?{came_from.query}" if here and came_from.query else path
    kept = request.POST.copy()
    for name in _NOT_CHOICES & kept.keys():
        del kept[name]
    return f"{path}?{kept.urlencode()}"
