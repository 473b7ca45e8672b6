"""Hosts that are not reachable: written down for the page, and remembered for the end.

`Migration.waiting` is {"hosts": {name: what the connection said}, "since": ISO, "until": ISO, "at": "source", "target"
or ""}. `until`: when it will be a user's turn. `at`: where the other host says that the VM runs.
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
#: a silence so long ago has nothing to do with the end
RECENT_S = 120.0
#: what a connection says that has only just been begun
NOT_YET = "not connected yet"
#: says no more than that a connection ended, which is what the silence says better
_CONNECTION = re.compile(r"^A connection (broke|was lost)[^.]*\. ?")


class Silence:
    def __init__(self, held: Held) -> None:
        self._held = held
        self._since: dict[str, float] = {}
        #: host -> the longest time it did not answer, and when it was silent last
        self._longest: dict[str, float] = {}
        self._last: dict[str, float] = {}
        if hosts := held.row.waiting.get("hosts"):  # under the worker before: for how long nobody saw
            so_far = (timezone.now() - datetime.fromisoformat(held.row.waiting["since"])).total_seconds()
            self._since = dict.fromkeys(hosts, time.monotonic() - so_far)
            self._last = dict.fromkeys(hosts, time.monotonic())

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
                if now - since >= LONG_ENOUGH_S:
                    self._last[name] = now
        hosts = {name: looks[name].error for name, since in self._since.items() if now - since >= LONG_ENOUGH_S}
        waiting = self._waiting(hosts, seen) if hosts else {}
        if _news(row.waiting, waiting):
            self._held.update(waiting=waiting, state_text=row.state_text)

    def _waiting(self, hosts: dict[str, str], seen: Observation) -> dict[str, Any]:
        oldest = time.monotonic() - min(self._since[name] for name in hosts)
        since = timezone.now() - timedelta(seconds=oldest)
        before = self._held.row.waiting
        known = before.get("since") if set(before.get("hosts", {})) & set(hosts) else None
        until = timezone.now() + timedelta(seconds=max(0.0, patience.SILENCE_S - seen.seconds))
        return {
            "hosts": hosts,
            "since": known or since.isoformat(timespec="seconds"),
            "until": until.isoformat(timespec="seconds"),
            "at": "source" if seen.source.runs else "target" if seen.target.runs else "",
        }

    def cause(self, said: str) -> str:
        """Why the migration ended, with what is known of hosts that fell silent instead of "A connection broke"."""
        now = time.monotonic()
        stopped = [
            f"{name} was not reachable for {duration(self._longest[name] * 1000)}."
            if self._longest.get(name, 0.0) >= LONG_ENOUGH_S
            else f"{name} was not reachable during the migration."
            for name, last in self._last.items()
            if now - last <= RECENT_S
        ]
        return " ".join([*stopped, _CONNECTION.sub("", said)]).strip() if stopped else said


def _news(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether a page would say something else. `until` counts while it is ahead."""
    if not before or not now or set(before["hosts"]) != set(now["hosts"]) or before["at"] != now["at"]:
        return before != now
    told = {name: text for name, text in now["hosts"].items() if text != NOT_YET}
    apart = datetime.fromisoformat(now["until"]) - datetime.fromisoformat(before["until"])
    ahead = datetime.fromisoformat(now["until"]) > timezone.now() + timedelta(seconds=LONG_ENOUGH_S)
    return {**before["hosts"], **told} != before["hosts"] or (ahead and abs(apart.total_seconds()) > 5)
