"""What people approve: a plan, named by a hash. Another plan needs other votes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`findings`: the (check, severity) of the last preflight; () before the first. `about`: what else is to be
    done, such as closing a migration; part of the hash. `again`: why it is asked again, if nothing else has
    changed."""

    guest: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    source: int | None = None
    target: int | None = None
    findings: tuple[tuple[str, str], ...] = ()
    about: str = ""
    again: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "guest": self.guest,
            "kind": self.kind,
            "options": self.options,
            "source": self.source,
            "target": self.target,
            "findings": sorted([check, severity] for check, severity in self.findings),
            "about": self.about,
        } | ({"again": self.again} if self.again else {})

    @property
    def hash(self) -> str:
        return hash_of(self.as_json())


def hash_of(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def to_ask_again(asked: dict[str, Any], asked_ms: int | None, plan: Plan, downtime_ms: int | None) -> Plan | None:
    """The plan that people must decide on instead of the one they were asked about; None: that one stands."""
    if hash_of({**asked, "again": ""}) != hash_of({**plan.as_json(), "again": ""}):
        return plan
    if not _doubled(asked_ms, downtime_ms):
        return None
    known = "is not known" if downtime_ms is None else f"is {downtime_ms} ms"
    return replace(plan, again=f"The forecast downtime {known}; it was {asked_ms} ms.")


def _doubled(before: int | None, now: int | None) -> bool:
    """One that is not known counts as longer than any other."""
    return before is not None and (now is None or now >= 2 * max(before, 1))


def findings_of(stored: Iterable[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """From the findings of a report, as they are stored."""
    return tuple(sorted({(str(one["check"]), str(one["severity"])) for one in stored}))
