"""What each child of serve does. It begins as a copy of serve, which has loaded the code: their memory is shared."""

from __future__ import annotations

import gc

from django.conf import settings
from django.core.management import call_command
from setproctitle import setproctitle

from hosts import gateway


def freeze() -> None:
    """Before a fork. The garbage collector writes to each object it looks at, and what is written is not shared."""
    gc.collect()
    gc.freeze()


def web(host: str, port: int) -> None:
    import uvicorn

    uvicorn.run(
        "kvmweb.asgi:application",
        host=host,
        port=port,
        lifespan="on",
        access_log=False,
        log_level="warning",
        ws_max_size=65536,
        timeout_graceful_shutdown=2,
        http="kvmweb.serve.deadlines:Deadlines",
        proxy_headers=False,
    )


def tasks(cluster: str) -> None:
    """`manage.py qcluster` of this queue. django-q read its settings when serve imported it, so they are put right."""
    from django_q.cluster import Cluster
    from django_q.conf import Conf

    Conf.CLUSTER_NAME = cluster
    for name, value in settings.Q_CLUSTER["ALT_CLUSTERS"].get(cluster, {}).items():
        setattr(Conf, name.upper(), value)
    gateway.load()
    freeze()
    running = Cluster()
    running.start()
    setproctitle(f"kvmweb: tasks ({cluster})")  # django-q had given it one of its own
    running.sentinel.join()


def watcher() -> None:
    call_command("watch")
