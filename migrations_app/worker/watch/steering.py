"""Act: what libvirt is told while it migrates the guest. Options ask for it at the start, users by their orders.

What a policy wants told is in `converging`.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from django.utils import timezone

from hosts.calls.steer import (
    Abort,
    Limit,
    LimitBandwidth,
    LimitDowntime,
    PausePostCopy,
    ResumePostCopy,
    StartPostCopy,
    Steer,
)
from hosts.facts.guest import GuestLook, JobKind
from hosts.gateway.port import GatewayError, HostConnection, HostUnreachable, Refused
from migrations_app import ledger
from migrations_app.domain.order import Answer, OrderState, Seen
from migrations_app.domain.orders import ORDERS
from migrations_app.domain.orders.bandwidth_mib import ORDER as BANDWIDTH
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.domain.orders.restart import ORDER as RESTART
from migrations_app.domain.progress import Progress
from migrations_app.models import Order
from migrations_app.worker.held import Held
from migrations_app.worker.mover import Mover
from migrations_app.worker.policy_start import options_in_effect
from migrations_app.worker.resume_call import resume_call
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.set_speed import set_speed
from migrations_app.worker.watch.limits import Limits

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Told:
    """What this worker has told libvirt for one order, and what came of it. `call`: it blocks, and is followed."""

    at: float | None = None
    refusals: int = 0
    refusal: str = ""
    taken: bool = False
    read_back: int | None = None
    call: Mover | None = None


#: by order
TalkedTo = dict[int, Told]


class Steering:
    """`resumed` is the call that resumes a post-copy, once it was made: whoever watches goes on with that one."""

    def __init__(
        self, held: Held, source: SteadyConnection, mover: Mover | None = None, told: TalkedTo | None = None
    ) -> None:
        self._held = held
        self._source = source
        self._mover = mover
        self.limits = Limits(held, source)
        self._told: TalkedTo = {} if told is None else told
        self.resumed: Mover | None = None
        self._settled = 0.0
        self._flows = False
        self._orders = ledger.take_orders(held.claim)

    @property
    def cancel(self) -> bool:
        """A user wants it to end."""
        return self.restart or any(order.what == CANCEL.what for order in self._orders)

    @property
    def restart(self) -> bool:
        """A user wants it to begin again."""
        return any(order.what == RESTART.what for order in self._orders)

    def news(self) -> bool:
        """True when a user has just asked for something. Raises LostClaim."""
        if not ledger.orders_wait(self._held.claim):
            return False
        self._orders = ledger.take_orders(self._held.claim)
        return True

    def of(self, what: str) -> list[Order]:
        """The orders of this kind that were taken and not answered."""
        return [order for order in self._orders if order.what == what]

    def kept(self, order: Order, text: str) -> None:
        """It was done without libvirt."""
        ledger.answer_order(self._held.claim, order, Answer(state=OrderState.APPLIED, text=text))
        self._held.note(text)
        self._orders = [one for one in self._orders if one.pk != order.pk]

    def act(
        self, source: GuestLook, target: GuestLook, *, memory_began: bool, settled: float = 0, flows: bool = False
    ) -> None:
        """The looks are younger than everything that was told before: libvirt was read before it is told again.
        `settled`: for so many seconds the hosts have been saying this. `flows`: as in Seen."""
        self._settled, self._flows = settled, flows
        if source.job is JobKind.MIGRATION_OUT and not self._held.row.job_over:
            self._limit_downtime()
            self.limits.follow()
            if memory_began:
                self._give_memory_its_speed()
        for order in self._orders:
            if self._obey(order, source, target):  # what libvirt has taken is answered in the same look
                self._obey(order, source, target)
            if self.resumed is not None:
                return

    def _obey(self, order: Order, source: GuestLook, target: GuestLook) -> bool:
        """Whether libvirt was told something and took it."""
        held, told = self._held, self._told.setdefault(order.pk, Told())
        step = ORDERS[order.what].next(self._seen(order, source, target, told))
        if step.say:
            held.note_once(step.say)
        if step.answer is not None:
            if step.answer.told:
                held.note(step.answer.text)
            ledger.answer_order(held.claim, order, step.answer, read_back=told.read_back)
            self._orders = [one for one in self._orders if one.pk != order.pk]
        return step.tell is not None and self._tell_for(order, step.tell, told)

    def _seen(self, order: Order, source: GuestLook, target: GuestLook, told: Told) -> Seen:
        row, mover = self._held.row, self._mover
        calling = mover is not None and mover.running
        if told.call is not None and not told.call.running:
            told.refusals, told.refusal, told.call = told.refusals + 1, told.call.error, None
        return Seen(
            source=source,
            source_name=row.source.name,
            target=target,
            target_name=row.target.name,
            settled=self._settled,
            calling=calling,
            resuming=calling and mover is not None and mover.resumes,
            flows=self._flows,
            job_over=row.job_over,
            value=order.value,
            since=None if told.at is None else time.monotonic() - told.at,
            progress=Progress.from_json(row.progress),
            refusals=told.refusals,
            refusal=told.refusal,
            taken=told.taken,
            read_back=told.read_back,
        )

    def _tell_for(self, order: Order, what: Steer, told: Told) -> bool:
        if isinstance(what, Limit):
            if not self.limits.remember(what):
                return False
            ledger.order_told(self._held.claim, order, what)
        told.at = time.monotonic()
        try:
            if isinstance(what, ResumePostCopy):
                self._resume(told)
                return False
            if isinstance(what, StartPostCopy):
                switch_to_post_copy(self._held, self._source)
            else:
                self._source.call(lambda c: steer(c, self._held.guest, what))
        except HostUnreachable as error:
            log.info("%s: %s", self._source.host.name, error.message)
            return False
        except GatewayError as error:
            told.refusals, told.refusal = told.refusals + 1, error.message
            return False
        told.refusal, told.taken = "", True
        if isinstance(what, Limit):
            told.read_back = self.limits.value(what)
        return True

    def _resume(self, told: Told) -> None:
        """Raises GatewayError."""
        row = self._held.row
        mover = told.call = resume_call(self._held, self._source)
        self._held.note(f"Asking libvirt on {row.source} to resume post-copy to {row.target}.")
        mover.start()
        self.resumed = mover

    def _limit_downtime(self) -> None:
        """libvirt takes it only beside a running job, and may refuse in its first moments: until it was taken once."""
        row = self._held.row
        limit = None if row.downtime_set else options_in_effect(row).max_downtime_ms
        if limit is None or not self.limits.remember(LimitDowntime(limit)):
            return
        if self._source.do(lambda c: c.set_limit(self._held.guest, LimitDowntime(limit))):
            self._held.update(downtime_set=True)
            self.limits.read()

    def _give_memory_its_speed(self) -> None:
        """Unless somebody has set another one in the meantime."""
        row, held = self._held.row, self._held
        speed = row.request.options.for_disks(tuple(row.copied_disks or ())).memory_speed
        if speed is None or ledger.was_told(held.claim, BANDWIDTH.what):
            return
        if self.limits.remember(LimitBandwidth(speed)):
            set_speed(held, self._source, speed)


def note_post_copy(held: Held) -> None:
    """Before libvirt is told: nobody may miss that the VM's memory may be on both hosts."""
    if held.row.post_copy_at is None:
        held.update(post_copy_at=timezone.now())


def switch_to_post_copy(held: Held, source: SteadyConnection) -> None:
    """Raises GatewayError. After a refusal of the first one that was told, all memory is still on the source."""
    first = held.row.post_copy_at is None
    note_post_copy(held)
    try:
        source.call(lambda c: c.passes.post_copy(held.guest))
    except Refused:
        if first:
            held.update(post_copy_at=None)
        raise


def steer(connection: HostConnection, guest: str, what: Abort | PausePostCopy | Limit) -> None:
    match what:
        case Abort():
            connection.abort(guest)
        case PausePostCopy():
            connection.passes.pause_post_copy(guest)
        case _:
            connection.set_limit(guest, what)
