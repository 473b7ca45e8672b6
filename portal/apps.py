from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        # the task is loaded once, before a cluster forks its workers; the events register what open pages are sent
        from approvals.hooks import DECIDED
        from migrations_app import hooks
        from portal import events, ledger, tasks  # noqa: F401
        from portal.usecases import tell
        from portal.worker import course, gates

        hooks.GATES.extend((course.quota_gate, course.lane_gate, gates.times_gate, gates.delay_gate))
        hooks.REQUESTED.append(gates.requested)
        hooks.BEGUN.append(course.begun)
        hooks.ATTENTION.append(course.attention)
        hooks.ENDED.append(course.ended)
        hooks.WANTED.append(course.wanted)
        DECIDED.extend((course.decided, tell.tell_approved))
        ledger.TOLD.append(tell.tell_of_request)
