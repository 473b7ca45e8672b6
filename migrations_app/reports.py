"""A preflight report as the page shows it: verdict first, then what stands in the way, what could not be seen, the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from migrations_app import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrations_app.models import Preflight

#: after this long without an answer the page says so
PATIENCE_SECONDS = 12
_TITLES = (
    ("blocker", "Must be settled first"),
    ("unknown", "Could not be seen"),
    ("warning", "Read before you go on"),
    ("info", "Good to know"),
)
_TONES = {"blocked": "bad", "unknown": "unk", "warnings": "warn", "ok": "ok"}
_ICONS = {"blocked": "ban", "unknown": "question-mark", "warnings": "alert-triangle", "ok": "circle-check"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    severity: str
    title: str
    findings: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    preflight: Preflight
    waiting: bool
    #: no worker has answered for too long
    late: bool
    sentence: str
    tone: str
    icon: str
    groups: Sequence[Group]
    passed: Sequence[dict[str, Any]]
    blocked: bool
    button: str
    command: str
    patience: int = PATIENCE_SECONDS


def report_view(preflight: Preflight) -> ReportView:
    guest, target = words.isolated(preflight.guest.name), str(preflight.target)
    waiting = preflight.seen_at is None and not preflight.error
    counts = Counter(finding["severity"] for finding in preflight.findings)
    groups = [
        Group(severity=severity, title=title, findings=[f for f in preflight.findings if f["severity"] == severity])
        for severity, title in _TITLES
        if counts[severity]
    ]
    if waiting:
        sentence = f"Asking both hosts whether {guest} can move to {target}."
    elif preflight.error:
        sentence = "The check could not be made."
    else:
        sentence = words.verdict_words(guest, target, preflight.verdict, counts)
    return ReportView(
        preflight=preflight,
        waiting=waiting,
        late=waiting and (timezone.now() - preflight.asked).total_seconds() > PATIENCE_SECONDS,
        sentence=sentence,
        tone=_TONES.get(preflight.verdict, "unk"),
        icon=_ICONS.get(preflight.verdict, "question-mark"),
        groups=groups,
        passed=[finding for finding in preflight.findings if finding["severity"] == "passed"],
        blocked=preflight.verdict == "blocked",
        button=words.go_words(preflight.guest.name, target, preflight.verdict, counts["unknown"]),
        command="",
    )
