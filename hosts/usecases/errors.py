"""What the use cases of this app refuse."""

from __future__ import annotations

from kvmweb.web.refused import FieldRefused


class HostRefused(FieldRefused):
    """What a user asked for is not possible."""
