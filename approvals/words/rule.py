"""A rule in one sentence."""

from __future__ import annotations

from approvals.models import Rule
from approvals.words.asking import deciders
from kvmweb.web.plain import isolated
from migrations_app.domain.kinds import KIND, Kind


def rule_words(rule: Rule) -> str:
    """ "Every request of the team Shop, with the method Live, needs the approval of 2 operators within 72 h." """
    what = f"Every request for {isolated(rule.guest.name)}" if rule.guest else "Every request"
    if rule.team:
        what += f" of the team {isolated(rule.team.name)}"
    conditions = []
    if rule.kind:
        conditions.append(f"with the method {KIND[Kind(rule.kind)].label}")
    if rule.hours:
        conditions.append(f"between {rule.hours.replace('-', ' and ')} ({rule.time_zone})")
    if rule.downtime_ms is not None:
        conditions.append(f"with a forecast downtime of at least {rule.downtime_ms} ms")
    middle = f", {' and '.join(conditions)}," if conditions else ""
    return f"{what}{middle} needs the approval of {deciders(rule.role, rule.quorum)} within {rule.expires_hours} h."
