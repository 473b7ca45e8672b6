"""`manage.py watch`: the only writer of host facts and sightings. `serve` starts it and starts it again."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from hosts import gateway
from hosts.watcher.lock import only_one
from hosts.watcher.watcher import Watcher

#: a host that hangs must not keep the process alive
_LONGEST_GOODBYE = 1.8


class Command(BaseCommand):
    help = "Follows the registered hosts and stores what they report. Part of serve."
    requires_system_checks = ()  # the process that starts it has checked

    def handle(self, *args: Any, **options: Any) -> None:
        config = settings.KVMWEB
        watcher = Watcher(
            connect=gateway.connect,
            first_contact=gateway.first_contact,
            share=gateway.share_connections,
            refresh_seconds=config.refresh_seconds,
            deadline=config.host_deadline_seconds,
            hooks=[import_string(path) for path in getattr(settings, "KVMWEB_WATCH_HOOKS", [])],
        )
        stopping = threading.Event()

        def stop(*_: object) -> None:
            if not stopping.is_set():
                stopping.set()
                watcher.stop()
                timer = threading.Timer(_LONGEST_GOODBYE, _leave)
                timer.daemon = True
                timer.start()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        with only_one(config.data_dir, wait=stopping.wait) as mine:
            if mine:
                gateway.discard_shared_connections()
                watcher.run()
        _leave()


def _leave() -> None:
    """Without the interpreter's own shutdown, which would wait for threads that hang in a call to a host."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
