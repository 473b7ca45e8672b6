"""Slows down password guessing per name and client address: each wrong password makes the wait longer.

Somebody who guesses from another address does not lock the user out. Counted in the web process's memory, so that it
also works while the database is full or busy.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from time import time

from django.contrib.auth.models import User
from django.core.cache import cache

from kvmweb.journal import writer
from kvmweb.journal.models import Entry, EntryKind

#: attempts before the first wait
FREE = 5
FIRST_SECONDS = 10
LONGEST_SECONDS = 900
FORGOTTEN_SECONDS = 6 * 3600
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Tries:
    """`until`: when the next attempt is accepted. Seconds since 1970, to compare with the journal's times."""

    count: int = 0
    first: float = 0.0
    until: float = 0.0


def delay(tries: int) -> int:
    """Seconds to wait after this many failed attempts."""
    return 0 if tries < FREE else min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(tries - FREE, 20))


def begin(name: str, address: str) -> int:
    """Count an attempt; returns the seconds to wait when it comes too early, and then does not count it.

    Called before the password is checked, so that many attempts at once do not all count as the first.
    """
    key, now = _key(name, address), time()
    with _lock:
        tries: _Tries = cache.get(key) or _Tries(first=now)
        if tries.until > now and not _unlocked(name, tries.first):
            return int(tries.until - now) + 1
        if tries.until > now:
            tries = _Tries(first=now)
        count = tries.count + 1
        cache.set(key, _Tries(count=count, first=tries.first, until=now + delay(count)), FORGOTTEN_SECONDS)
    return 0


def forget(name: str, address: str) -> None:
    """The password was right."""
    cache.delete(_key(name, address))


def _unlocked(name: str, since: float) -> bool:
    """Whether `manage.py unlock` was used; checked only when an attempt is about to be refused."""
    person = User.objects.filter(username=name).values_list("pk", flat=True).first()
    if person is None:
        return False
    said = Entry.objects.filter(topic=writer.person_topic(person), kind=EntryKind.ACTION, body__unlocked="yes")
    return said.filter(created__gt=datetime.fromtimestamp(since, UTC)).exists()


def _key(name: str, address: str) -> str:
    return "login:" + hashlib.sha256(f"{name}\0{network(address)}".encode()).hexdigest()


def network(address: str) -> str:
    """The network a client can choose its addresses from: for IPv6 its /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((address, 64), strict=False)) if found.version == 6 else address
