"""libvirt's event loop: one per process, running before the first connection is opened.

Without it there are no events and no keepalive, and a dead host would hang every call.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

logger = logging.getLogger(__name__)

_lock = threading.Lock()
_owner: int | None = None


def libvirt_with_loop() -> Any:
    """The libvirt module, its event loop running in a daemon thread of this process.

    Neither the loop nor a connection survives a fork: a process that used libvirt must not fork workers that use it.
    """
    global _owner
    import libvirt

    with _lock:
        if _owner == os.getpid():
            return libvirt
        if _owner is not None:
            raise RuntimeError("libvirt was used before this process was forked; open connections after the fork only")
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_run, args=(libvirt,), name="libvirt-events", daemon=True).start()
        _owner = os.getpid()
    return libvirt


def _run(libvirt: Any) -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except Exception:  # an end of this thread would silence every host
            logger.exception("libvirt's event loop failed")
