from __future__ import annotations

from django.apps import AppConfig


class MigrationsConfig(AppConfig):
    name = "migrations_app"
    verbose_name = "Migrations"

    def ready(self) -> None:
        from migrations_app import tasks  # noqa: F401  loaded once, before a cluster forks its workers
