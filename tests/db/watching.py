"""A watcher over fake hosts, in threads of the test's process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import connection

from hosts.models import Errand, Guest, Host, Sighting
from hosts.watcher.watcher import Watcher
from tests.fakes.watched_host import Fleet, WatchedHost
from tests.patience import PATIENCE

T = TypeVar("T")

AN_HOUR = 3600.0


@contextmanager
def watching(fleet: Fleet, **values: Any) -> Iterator[Watcher]:
    options: dict[str, Any] = {"refresh_seconds": AN_HOUR, "deadline": 5.0} | values
    watcher = Watcher(connect=fleet.connect, first_contact=fleet.first_contact, **options)
    thread = threading.Thread(target=watcher.run)
    thread.start()
    try:
        yield watcher
    finally:
        for host in fleet.hosts.values():
            host.answering.set()
        watcher.stop()
        thread.join(10)
        connection.close()


def eventually(look: Callable[[], T], *, seconds: float = PATIENCE) -> T:
    """The first true result of `look`; fails when there is none in time."""
    until = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s; the last answer was {answer!r}")
        time.sleep(0.02)
    return answer


def registered(fleet: Fleet, name: str = "kvm-a", *, transport: str = "tcp", **values: Any) -> tuple[Host, WatchedHost]:
    """A host row and the fake behind its address."""
    address = f"{name}.test"
    fake = fleet.add(address, hostname=name)
    return Host.objects.create(name=name, transport=transport, address=address, **values), fake


def fresh(host: Host) -> Host:
    return Host.objects.get(pk=host.pk)


def answers(host: Host) -> Callable[[], bool]:
    return lambda: fresh(host).answers


def sighting(host: Host, uuid: str) -> Sighting | None:
    return Sighting.objects.filter(host=host, guest_id=uuid).first()


def here(host: Host, uuid: str) -> Callable[[], bool]:
    return lambda: Sighting.objects.filter(host=host, guest_id=uuid, gone_since=None).exists()


def gone(host: Host, uuid: str) -> Callable[[], bool]:
    return lambda: Sighting.objects.filter(host=host, guest_id=uuid, gone_since__isnull=False).exists()


def read(uuid: str) -> Callable[[], bool]:
    """The guest's definition is stored."""
    return lambda: Guest.objects.filter(uuid=uuid, details_seen_at__isnull=False).exists()


def refreshed(host: Host, *, seconds: float = 5.0) -> Errand:
    """Ask for a refresh and wait for its end."""
    errand = Errand.objects.create(host=host, what=Errand.What.REFRESH)
    return ended(errand, seconds=seconds)


def ended(errand: Errand, *, seconds: float = 5.0) -> Errand:
    eventually(Errand.objects.filter(pk=errand.pk, done__isnull=False).exists, seconds=seconds)
    return Errand.objects.get(pk=errand.pk)
