"""What the queue runs. A second delivery does nothing."""

from __future__ import annotations

from portal.worker import advance as advancing
from portal.worker import mail


def advance(pk: int) -> None:
    advancing.advance(pk)


def send_notice(pk: int) -> None:
    mail.send_notice(pk)
