from __future__ import annotations

from django.contrib import admin

from kvmweb.accounts.admin_site import ReadOnly
from kvmweb.journal.models import Entry


@admin.register(Entry)
class Entries(ReadOnly):
    list_display = ("created", "topic", "kind", "text", "actor_name")
    list_filter = ("kind",)
    search_fields = ("topic", "text", "actor_name")
    ordering = ("-id",)
