"""Why a request of a team is refused. The messages are shown to people of teams: they name no host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from portal.domain.quota import Exceeded, quota_words

if TYPE_CHECKING:
    from portal.models import Request


class AskRefused(Exception):
    """`field` names the part that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class AlreadyAsked(Exception):
    """The VM has an open request: `open`."""

    def __init__(self, open_request: Request) -> None:
        super().__init__("This VM has an open request already. Withdraw it first, or wait for its end.")
        self.open = open_request


class KeyReused(Exception):
    """The idempotency key was used for another request: `first`."""

    def __init__(self, first: Request) -> None:
        super().__init__("This idempotency key was used for another request.")
        self.first = first


class OverQuota(Exception):
    def __init__(self, exceeded: Sequence[Exceeded]) -> None:
        super().__init__(quota_words(exceeded))
        self.exceeded = exceeded


class TooLate(Exception):
    """The request has ended."""

    def __init__(self, request: Request) -> None:
        super().__init__(f"This request has ended already: {request.state}.")
        self.request = request
