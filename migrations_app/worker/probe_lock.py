"""One at a time: the peer probe of a preflight and the start of a migration both take the guest's job in libvirt."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from migrations_app.models import ProbeLock

#: longer than a probe's own deadline, so that a lock left by a dead worker is free again soon
HELD_SECONDS = 20.0


@contextmanager
def probing(guest: UUID, *, patience: float) -> Iterator[bool]:
    """Hold the guest's lock; yields False when it could not be had within `patience` seconds."""
    holder = secrets.token_hex(8)
    held = _take(guest, holder)
    give_up = time.monotonic() + patience
    while not held and time.monotonic() < give_up:
        time.sleep(0.1)
        held = _take(guest, holder)
    try:
        yield held
    finally:
        if held:
            ProbeLock.objects.filter(guest=guest, holder=holder).update(holder="")


def _take(guest: UUID, holder: str) -> bool:
    now = timezone.now()
    with transaction.atomic():
        ProbeLock.objects.get_or_create(guest_id=guest, defaults={"until": now})
        free = ProbeLock.objects.filter(Q(holder="") | Q(until__lt=now), guest=guest)
        return free.update(holder=holder, until=now + timedelta(seconds=HELD_SECONDS)) == 1
