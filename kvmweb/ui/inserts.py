"""Places in a page that other apps fill: a host's page shows which of its VMs migrate without importing migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.html import format_html_join
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe

if TYPE_CHECKING:
    from django.http import HttpRequest


def filled(name: str, request: HttpRequest, *about: Any) -> SafeString:
    """The output of the functions that settings.KVMWEB_INSERTS names for this place, joined; "" for nothing.

    Each is a `function(request, *about) -> HTML`. `about`: what the place is about, such as the VM of a row.
    """
    fillers = map(import_string, settings.KVMWEB_INSERTS[name])
    return mark_safe(format_html_join("", "{}", ((filler(request, *about),) for filler in fillers)).strip())
