from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "approvals"

    def ready(self) -> None:
        from approvals import hooks
        from approvals.usecases import four_eyes
        from migrations_app import hooks as migrations

        migrations.GATES.append(four_eyes.gate)
        migrations.REQUESTED.append(four_eyes.requested)
        migrations.CLOSING.append(four_eyes.closing)
        migrations.ENDED.append(four_eyes.ended)
        hooks.DECIDED.append(four_eyes.decided)
