"""What must hold before kvmweb starts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register
def queue_never_redelivers(**_: Any) -> list[CheckMessage]:
    """A `retry` below `timeout` makes django-q hand out a running task a second time."""
    base = settings.Q_CLUSTER
    clusters = {base["name"]: base} | {name: {**base, **alt} for name, alt in base.get("ALT_CLUSTERS", {}).items()}
    return [
        Error(
            f"The queue {name} would run tasks twice: its retry ({conf['retry']} s) must be longer than its timeout"
            f" ({conf['timeout']} s).",
            hint="Set KVMWEB_QUEUE_RETRY_SECONDS to more than KVMWEB_QUEUE_TIMEOUT_SECONDS.",
            id="kvmweb.E001",
        )
        for name, conf in clusters.items()
        if conf["retry"] <= conf["timeout"]
    ]
