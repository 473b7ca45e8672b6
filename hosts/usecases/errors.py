"""What the use cases of this app refuse."""

from __future__ import annotations


class HostRefused(Exception):
    """What a user asked for is not possible. `field` names the input at fault, "" when it is none."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
