"""What is stored: the row is the truth, the queue only says "look at row 17"."""

from migrations_app.models.decision import Decision
from migrations_app.models.migration import Migration, MigrationQuerySet
from migrations_app.models.order import Order
from migrations_app.models.path_rate import PathRate
from migrations_app.models.peer_answer import PeerAnswer
from migrations_app.models.policy import GuestConsent, Policy, PolicyChoice, consents_of
from migrations_app.models.preflight import Preflight, ProbeLock
from migrations_app.models.probing import ProbeAddress, ProbeNetwork
from migrations_app.models.rollback_copy import CopyState, RollbackCopy, Verification

__all__ = [
    "CopyState", "Decision", "GuestConsent", "Migration", "MigrationQuerySet", "Order", "PathRate", "PeerAnswer",
    "Policy", "PolicyChoice", "Preflight", "ProbeAddress", "ProbeLock", "ProbeNetwork", "RollbackCopy", "Verification",
    "consents_of",
]  # fmt: skip
