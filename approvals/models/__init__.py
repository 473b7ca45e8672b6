from __future__ import annotations

from approvals.models.approval import Approval, Vote
from approvals.models.rule import FourEyes, Rule

__all__ = ["Approval", "FourEyes", "Rule", "Vote"]
