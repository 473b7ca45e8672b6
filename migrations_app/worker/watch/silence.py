"""Hosts that do not answer: written down for the page, and remembered for the end.

`Migration.waiting` is {"hosts": {name: what the connection said}, "since": ISO, "until": ISO, "at": "source", "target"
or ""}. `until`: when it will be a person's turn. `at`: where the other host says that the VM runs.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from kvmweb.ui.units import duration
from migrations_app.domain.outcome import patience
from migrations_app.worker.held import Held
from migrations_app.worker.watch.observer import Observation

#: one look that fails is no silence: the connection is opened again
LONG_ENOUGH_S = 2.0
#: says no more than that a connection ended, which is what the silence says better
_CONNECTION = re.compile(r"^A connection (broke|was lost)[^.]*\. ?")


class Silence:
    def __init__(self, held: Held) -> None:
        self._held = held
        self._since: dict[str, float] = {}
        #: host -> the longest time it did not answer, also under the worker before
        self._longest: dict[str, float] = {}
        if hosts := held.row.waiting.get("hosts"):
            so_far = (timezone.now() - datetime.fromisoformat(held.row.waiting["since"])).total_seconds()
            self._longest = dict.fromkeys(hosts, so_far)
            self._since = dict.fromkeys(hosts, time.monotonic() - so_far)

    def observe(self, seen: Observation) -> None:
        """After each look. Raises LostClaim."""
        row, now = self._held.row, time.monotonic()
        looks = {row.source.name: seen.source, row.target.name: seen.target}
        for name, look in looks.items():
            if look.answered:
                self._since.pop(name, None)
            else:
                since = self._since.setdefault(name, now)
                self._longest[name] = max(self._longest.get(name, 0.0), now - since)
        hosts = {name: looks[name].error for name, since in self._since.items() if now - since >= LONG_ENOUGH_S}
        if hosts != row.waiting.get("hosts", {}):
            self._write(hosts, seen)

    def _write(self, hosts: dict[str, str], seen: Observation) -> None:
        waiting: dict[str, Any] = {}
        if hosts:
            oldest = time.monotonic() - min(self._since[name] for name in hosts)
            since = timezone.now() - timedelta(seconds=oldest)
            before = self._held.row.waiting
            known = before.get("since") if set(before.get("hosts", {})) & set(hosts) else None
            until = timezone.now() + timedelta(seconds=max(0.0, patience.SILENCE_S - seen.seconds))
            waiting = {
                "hosts": hosts,
                "since": known or since.isoformat(timespec="seconds"),
                "until": until.isoformat(timespec="seconds"),
                "at": "source" if seen.source.runs else "target" if seen.target.runs else "",
            }
        self._held.update(waiting=waiting, state_text=self._held.row.state_text)

    def cause(self, said: str) -> str:
        """Why the migration ended, with what is known of hosts that fell silent instead of "A connection broke"."""
        stopped = [
            f"{name} stopped answering for {duration(seconds * 1000)}."
            for name, seconds in self._longest.items()
            if seconds >= LONG_ENOUGH_S
        ]
        return " ".join([*stopped, _CONNECTION.sub("", said)]).strip() if stopped else said
