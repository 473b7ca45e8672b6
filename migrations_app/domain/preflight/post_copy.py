"""What the checks of post-copy have in common: whether somebody wants it, and so what a reason against it means."""

from __future__ import annotations

from migrations_app.domain.preflight.check import Finding, Remedy, Severity
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import finding, remedy

#: while one of them has a finding, no policy switches to post-copy
CHECKS_OF_POST_COPY = frozenset({"post_copy_hosts", "post_copy_options", "post_copy_devices", "post_copy_kernel"})


def wanted(facts: Facts) -> bool:
    return bool(facts.request.options.post_copy) or facts.policy_post_copy


def against(facts: Facts, words: str, evidence: dict[str, str], *remedies: Remedy, unsure: bool = False) -> Finding:
    """A finding against post-copy. A policy goes without it; a person who asked for it has to decide. `unsure`: it may
    work."""
    if facts.request.options.post_copy:
        without = remedy("Or migrate without post-copy.")
        severity = Severity.UNKNOWN if unsure else Severity.BLOCKER
        return finding(severity, words, "option post_copy", evidence, *remedies, without)
    gives_up = f"{words} So the policy gives up where it would switch to post-copy."
    return finding(Severity.WARNING, gives_up, "policy", evidence, *remedies)
