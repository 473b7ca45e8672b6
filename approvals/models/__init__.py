from __future__ import annotations

from approvals.models.approval import Approval, BrokenGlass, Vote
from approvals.models.rule import FourEyes, Rule

__all__ = ["Approval", "BrokenGlass", "FourEyes", "Rule", "Vote"]
