"""How a migration's row changes: who may write, the one door for its state, its record, its orders."""

from migrations_app.ledger.arrivals import examine_later, keep_arrival, tell_arrival
from migrations_app.ledger.claims import Claim, LostClaim, beat, claim, release
from migrations_app.ledger.copies import ask_deletion, end_deletion, keep_copies, note_deletion, take_deletion
from migrations_app.ledger.decisions import decision_applied, decisions_of, downtime_ordered, keep_decisions
from migrations_app.ledger.orders import (
    answer_order,
    order_by_policy,
    order_told,
    orders_wait,
    stop_asked,
    take_orders,
    was_told,
)
from migrations_app.ledger.owners import end_owner, machine, pid_started
from migrations_app.ledger.record import note, note_once, tick, update
from migrations_app.ledger.restarts import refuse_restart, start_again
from migrations_app.ledger.states import change_state, end_by_person

__all__ = [
    "Claim", "LostClaim", "answer_order", "ask_deletion", "beat", "change_state", "claim", "decision_applied",
    "decisions_of", "downtime_ordered", "end_by_person", "end_deletion", "end_owner", "examine_later", "keep_arrival",
    "keep_copies", "keep_decisions", "machine", "note", "note_deletion", "note_once", "order_by_policy", "order_told",
    "orders_wait", "pid_started", "refuse_restart", "release", "start_again", "stop_asked", "take_deletion",
    "take_orders", "tell_arrival", "tick", "update", "was_told",
]  # fmt: skip
