from __future__ import annotations

from django.apps import AppConfig


class KvmwebConfig(AppConfig):
    name = "kvmweb"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from kvmweb import checks  # noqa: F401  registers the system checks
        from kvmweb.queue import in_worker

        post_spawn.connect(in_worker, dispatch_uid="kvmweb.queue")
