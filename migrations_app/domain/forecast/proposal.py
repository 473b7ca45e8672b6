"""Which policy ends a migration that does not end by itself: of those that are there, and that the VM's owners and the
hosts allow. It is proposed; nobody but a person chooses it."""

from __future__ import annotations

from dataclasses import dataclass

from migrations_app.domain.convergence.policy import BUILT_IN, Consent, Consents, LastResort, Policy

#: by a longer downtime, without the last resort
BY_DOWNTIME = "downtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """`policies` to choose from, what the VM's owners agree to, and whether this VM can switch to `post_copy` between
    these hosts."""

    policies: tuple[Policy, ...]
    consents: Consents
    post_copy: bool


NOTHING_REFUSED = Allowed(policies=BUILT_IN, consents=Consents(), post_copy=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The name of a policy, and what it does: BY_DOWNTIME or a LastResort."""

    policy: str
    by: str


def proposed(needed_ms: int, allowed: Allowed) -> Proposal | None:
    """`needed_ms`: the downtime that the rest would take. The mildest that is enough; None: there is none."""
    policies = [policy for policy in allowed.policies if not policy.shadow]
    for policy in sorted(policies, key=lambda one: one.top_ms):
        if policy.top_ms >= needed_ms:
            return Proposal(policy=policy.name, by=BY_DOWNTIME)
    for resort in _resorts(allowed):
        for policy in policies:
            if policy.last_resort is resort:
                return Proposal(policy=policy.name, by=resort)
    return None


def _resorts(allowed: Allowed) -> list[LastResort]:
    """Those that are allowed. Post-copy comes last, because a VM can be lost in it; first when its owners always agree
    to it."""
    agreed, found = allowed.consents, []
    if agreed.pause is not Consent.NEVER:
        found.append(LastResort.FINISH)
    if agreed.slow is not Consent.NEVER:
        found.append(LastResort.THROTTLE)
    if agreed.post_copy is not Consent.NEVER and allowed.post_copy:
        found.insert(0 if agreed.post_copy is Consent.ALWAYS else len(found), LastResort.POST_COPY)
    return found
