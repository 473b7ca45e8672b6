from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        # the events register what open pages are sent
        from portal import events  # noqa: F401
