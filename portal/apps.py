from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        # the task is loaded once, before a cluster forks its workers
        from approvals.hooks import DECIDED
        from migrations_app import hooks
        from portal import tasks  # noqa: F401
        from portal.worker import course, gates

        hooks.GATES += [course.quota_gate, gates.times_gate, gates.delay_gate]
        hooks.RECORDED.append(gates.recorded)
        hooks.BEGUN.append(course.begun)
        hooks.ENDED.append(course.ended)
        hooks.WANTED.append(course.wanted)
        DECIDED.append(course.decided)
