"""Guessing passwords is slowed down by name and client address: every wrong one makes the next try wait longer.

Whoever guesses from elsewhere does not keep the right person out. Counted in the memory of the web process, so that a
full or busy database slows down no less.
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

#: tries before the first wait
FREE = 5
FIRST_SECONDS = 10
LONGEST_SECONDS = 900
FORGOTTEN_SECONDS = 6 * 3600
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Tries:
    """`until`: when the next one is taken. Seconds since 1970, as the journal has wall clocks too."""

    count: int = 0
    first: float = 0.0
    until: float = 0.0


def delay(tries: int) -> int:
    """Seconds to wait after so many tries without the right password."""
    return 0 if tries < FREE else min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(tries - FREE, 20))


def begin(name: str, address: str) -> int:
    """Count a try before its password is looked at; the seconds to wait when it comes too early, and is not counted.

    Before, so that many tries at once are not all the first one.
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
    """Whether somebody on the console said so (`manage.py unlock`); asked only when a try is about to be refused."""
    person = User.objects.filter(username=name).values_list("pk", flat=True).first()
    if person is None:
        return False
    said = Entry.objects.filter(topic=writer.person_topic(person), kind=EntryKind.ACTION, body__unlocked="yes")
    return said.filter(created__gt=datetime.fromtimestamp(since, UTC)).exists()


def _key(name: str, address: str) -> str:
    return "login:" + hashlib.sha256(f"{name}\0{network(address)}".encode()).hexdigest()


def network(address: str) -> str:
    """What one client can choose its address from: of IPv6 the 64 bits that are its network's."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((address, 64), strict=False)) if found.version == 6 else address
