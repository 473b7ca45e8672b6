"""Sends notices, outside of every transaction. If the mail server is away, each is tried again, for half a day."""

from __future__ import annotations

import logging
import smtplib
import time
from datetime import timedelta

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from kvmweb.queue import enqueue
from portal.models import Notice

log = logging.getLogger(__name__)

#: after each attempt that failed; after the last one it is given up
WAITS = (*(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480)),)
KEPT = timedelta(days=30)
LOOK_SECONDS = 15.0
SWEEP_SECONDS = 3600.0
#: in one look
MOST = 50
_looked = _swept = float("-inf")


def send_notice(pk: int) -> None:
    """Once per time that it is due, whoever delivers the task."""
    now = timezone.now()
    row = Notice.objects.select_related("to").filter(pk=pk, due_at__lte=now).first()
    if row is None:
        return
    again = now + WAITS[row.attempts] if row.attempts < len(WAITS) else None
    mine = Notice.objects.filter(pk=pk, attempts=row.attempts, due_at=row.due_at)
    if mine.update(attempts=row.attempts + 1, due_at=again) != 1:
        return
    try:
        EmailMessage(subject=row.subject, body=row.text, to=[row.to.email]).send()
    except (OSError, ValueError) as error:  # smtplib's are OSErrors; a bad address or header is a ValueError
        what = "it is tried again later" if again else "it was given up"
        log.warning("a mail %s could not be sent, %s: %s", row, what, _why(error))
        return
    Notice.objects.filter(pk=pk).update(sent_at=timezone.now(), due_at=None)


def _why(error: Exception) -> str:
    """Without the server's own words, which may repeat what was sent to it."""
    code = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
    reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror and not code else ""
    return f"{type(error).__name__}{code}{reason}"


def tick() -> None:
    """The watcher's hook: what is due again, and what the queue has lost."""
    global _looked, _swept
    now = time.monotonic()
    if now - _looked >= LOOK_SECONDS:
        _looked = now
        for pk in Notice.objects.filter(due_at__lte=timezone.now()).values_list("pk", flat=True)[:MOST]:
            with transaction.atomic():
                enqueue("portal.tasks.send_notice", pk)
    if now - _swept >= SWEEP_SECONDS:
        _swept = now
        Notice.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
