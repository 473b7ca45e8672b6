"""Act: what libvirt is told while it migrates the guest. Options ask for it at the start, people by their orders.

A policy would stand beside the two: it reads the same looks and numbers, and what it wants told goes through `_tell`.
"""

from __future__ import annotations

import time

from hosts.calls.steer import Abort, LimitDowntime, Steer
from hosts.facts.guest import GuestLook, JobKind
from migrations_app import ledger
from migrations_app.domain.order import Seen
from migrations_app.domain.orders import ORDERS
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.models import Order
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.set_speed import set_speed


class Steering:
    def __init__(self, held: Held, source: SteadyConnection) -> None:
        self._held = held
        self._source = source
        self._told: dict[int, float] = {}
        self._orders = ledger.take_orders(held.claim)

    @property
    def cancel(self) -> bool:
        """A user wants it cancelled."""
        return any(order.what == CANCEL.what for order in self._orders)

    def news(self) -> bool:
        """True when a user has just asked for something. Raises LostClaim."""
        if not ledger.orders_wait(self._held.claim):
            return False
        self._orders = ledger.take_orders(self._held.claim)
        return True

    def act(self, source: GuestLook, *, memory_began: bool) -> None:
        """`source` is younger than everything that was told before: libvirt was read before it is told again."""
        if source.job is JobKind.MIGRATION_OUT and not self._held.row.job_over:
            self._limit_downtime()
            if memory_began:
                self._give_memory_its_speed()
        for order in self._orders:
            self._obey(order, source)

    def _obey(self, order: Order, source: GuestLook) -> None:
        held, told = self._held, self._told.get(order.pk)
        seen = Seen(
            source=source,
            source_name=held.row.source.name,
            job_over=held.row.job_over,
            value=order.value,
            since=None if told is None else time.monotonic() - told,
        )
        step = ORDERS[order.what].next(seen)
        if step.say:
            held.note_once(step.say)
        if step.tell is not None:
            self._told[order.pk] = time.monotonic()
            self._tell(step.tell)
        if step.answer is not None:
            ledger.answer_order(held.claim, order, step.answer)
            self._orders = [one for one in self._orders if one.pk != order.pk]

    def _limit_downtime(self) -> None:
        """libvirt takes it only beside a running job, and may refuse in its first moments: until it was taken once."""
        limit = self._held.row.request.options.max_downtime_ms
        if limit is not None and not self._held.row.downtime_set and self._tell(LimitDowntime(limit)):
            self._held.update(downtime_set=True)

    def _give_memory_its_speed(self) -> None:
        row = self._held.row
        speed = row.request.options.for_disks(tuple(row.copied_disks or ())).memory_speed
        if speed is not None:
            set_speed(self._held, self._source, speed)

    def _tell(self, what: Steer) -> bool:
        """Whether libvirt has taken it."""
        guest = self._held.guest
        match what:
            case Abort():
                return self._source.do(lambda c: c.abort(guest))
            case LimitDowntime(milliseconds):
                return self._source.do(lambda c: c.set_max_downtime(guest, milliseconds))
