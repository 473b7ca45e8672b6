"""What people approve: a plan, named by a hash. Another plan needs other votes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`findings`: the (check, severity) of the last preflight; () before the first. `about`: what else is to be
    done, such as closing a migration; part of the hash."""

    guest: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    source: int | None = None
    target: int | None = None
    findings: tuple[tuple[str, str], ...] = ()
    about: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "guest": self.guest,
            "kind": self.kind,
            "options": self.options,
            "source": self.source,
            "target": self.target,
            "findings": sorted([check, severity] for check, severity in self.findings),
            "about": self.about,
        }

    @property
    def hash(self) -> str:
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def findings_of(stored: Iterable[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """From the findings of a report, as they are stored."""
    return tuple(sorted({(str(one["check"]), str(one["severity"])) for one in stored}))
