"""Word, colour and icon of a finding's severity."""

from __future__ import annotations

from kvmweb.ui.badge import Badge

SEVERITY_BADGES: dict[str, Badge] = {
    "blocker": Badge("Blocker", "red", "ban"),
    "unknown": Badge("Unknown", "grey", "question-mark"),
    "warning": Badge("Warning", "amber", "alert-triangle"),
    "info": Badge("Note", "blue", "info-circle"),
    "passed": Badge("Passed", "green", "circle-check"),
}
