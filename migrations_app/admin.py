from __future__ import annotations

from django.contrib import admin

from kvmweb.accounts.admin_site import ReadOnly
from migrations_app.models import Migration


@admin.register(Migration)
class Migrations(ReadOnly):
    list_display = ("id", "__str__", "state", "requested_by_name", "requested_at", "finished_at")
    list_filter = ("state",)
