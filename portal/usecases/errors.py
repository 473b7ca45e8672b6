"""Why requests of teams, and changes of windows and terms, are refused. People of teams read it: it names no host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kvmweb.web.refused import FieldRefused
from portal.domain.quota import Exceeded, quota_words

if TYPE_CHECKING:
    from portal.models import Request


class AskRefused(FieldRefused):
    """What was asked for is not possible as it is."""


class NothingWaits(Exception):
    def __init__(self) -> None:
        super().__init__("No migration of this VM waits for its team.")


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
