"""How long tests wait for what comes by itself. Far longer than it takes, so that a busy machine makes no test red; when
things work, it costs nothing. What is promised within a time is measured apart, and says so."""

from __future__ import annotations

PATIENCE = 60.0
