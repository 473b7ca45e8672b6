from __future__ import annotations

from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "kvmweb.journal"
    label = "journal"
