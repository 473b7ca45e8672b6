from __future__ import annotations

from django.apps import AppConfig


class MigrationsConfig(AppConfig):
    name = "migrations_app"
    verbose_name = "Migrations"

    def ready(self) -> None:
        # the tasks are loaded once, before a cluster forks its workers; the events register what open pages are sent
        from migrations_app import events, tasks  # noqa: F401
