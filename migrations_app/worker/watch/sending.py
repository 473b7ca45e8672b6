"""The watch over a VM whose definition is sent once the outcome table says so: it is off, and all else is there."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings

from hosts.calls.move import PeerHelper
from hosts.facts import domain_xml
from hosts.facts.guest import GuestDetails, RunState
from hosts.facts.xml import BadXml
from hosts.gateway.port import GatewayError, HostConnection
from kvmweb.steps import NotDone
from migrations_app.domain.definition.edited import edited
from migrations_app.domain.outcome import patience
from migrations_app.domain.own_files import own_files
from migrations_app.models import Migration
from migrations_app.worker.mover import Mover
from migrations_app.worker.steps.copy_own_file import copy_own_files
from migrations_app.worker.watch.cold import ColdWatch, definition_call
from migrations_app.worker.watch.judge import Judge

log = logging.getLogger(__name__)
SAVED = "Somebody saved the memory of the VM (managed save), which would be lost on the destination."


class SendingJudge(Judge):
    """`held_back`: why the definition was not sent."""

    held_back = ""


class SendingWatch(ColdWatch):
    """`sent`: the call that sends the definition. It has just begun, and another watch follows it."""

    judge: SendingJudge
    sent: Mover | None = None

    def _send(self, helper: PeerHelper) -> bool:
        """Whether the call has begun. What could not be asked now is asked again after the next look."""
        held, row = self.held, self.held.row
        peer = row.target.peer
        if peer is None:
            self.judge.held_back = f"{row.target} has no address for other hosts any more."
            return False
        try:
            details = self.source.call(lambda c: c.guest_details(held.guest))
            if why := SAVED if details.managed_save else _edited(row, details):
                self.judge.held_back = why
                return False
            if not self._carry(details):
                return False
            connection = self._connection()
        except GatewayError as error:
            log.info("%s: %s", row.source, error.message)
            return False
        held.update(call_made=True)
        self.sent = Mover(connection, definition_call(row, peer, helper))
        self.sent.start()
        return True

    def _carry(self, details: GuestDetails) -> bool:
        """The files with the VM's own state. Whether they are there, and it is still off."""
        try:
            copy_own_files(self.held, own_files(details.definition), self.source, self.target)
        except NotDone as error:
            why = error.__cause__
            silent = isinstance(why, GatewayError) and why.unanswered
            if not silent or self.observer.in_view >= patience.JOB_WAIT_S:
                self.judge.held_back = f"{error}."
            return False
        return self.source.look(self.held.guest).state is RunState.SHUTOFF

    def _connection(self) -> HostConnection:
        """The call blocks its own. Raises GatewayError."""
        row, host = self.held.row, self.source.host
        connection = self.source.open(host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
        if row.source_host_uuid and connection.identity().uuid != str(row.source_host_uuid):
            connection.close()
            raise GatewayError(f"another machine answers at the address of {host}")
        return connection


def _edited(row: Migration, now: GuestDetails) -> str:
    """Why this definition is not the one that was checked, "" when it is. The record has the saved one, also of a VM
    that ran then; what cannot be read is not compared."""
    if not (row.was_persistent and now.persistent):
        return ""
    try:
        found = edited(domain_xml.parse(row.source_xml), now.definition)
    except BadXml as bad:
        log.info("migration %s: the recorded definition cannot be compared: %s", row.pk, bad)
        return ""
    changed = ", ".join(found)
    return f"Somebody changed the definition of {row.guest_name} since it was checked: {changed}." if found else ""


def follow(watch: Callable[[Mover | None], SendingWatch], mover: Mover | None) -> None:
    """To its end: one watch until the definition is sent, another one over that call."""
    first = watch(mover)
    first.run()
    if first.sent is not None:
        try:
            watch(first.sent).run()
        finally:
            first.sent.close()
