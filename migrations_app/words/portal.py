"""What people in teams read."""

from __future__ import annotations

from kvmweb.ui.badge import Badge

MIGRATING = Badge("Migrating", "blue", "arrows-right-left")
