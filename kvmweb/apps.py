from __future__ import annotations

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class KvmwebConfig(AppConfig):
    name = "kvmweb"

    def ready(self) -> None:
        from django_q.signals import post_execute_in_worker, post_spawn, pre_execute

        from kvmweb import checks  # noqa: F401  registers the system checks
        from kvmweb.queue import in_worker
        from kvmweb.serve import busy

        post_spawn.connect(in_worker, dispatch_uid="kvmweb.queue")
        pre_execute.connect(busy.task_begins, dispatch_uid="kvmweb.busy")
        post_execute_in_worker.connect(busy.task_ends, dispatch_uid="kvmweb.busy")


class KvmwebStaticFilesConfig(StaticFilesConfig):
    #: large files of packages that no page uses: ninja's API pages, the other release of htmx
    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "ninja", "*-4*.js"]  # noqa: RUF012  a list in Django
