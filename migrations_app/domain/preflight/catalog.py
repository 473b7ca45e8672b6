"""All checks, and the report on all of them: every check runs, whatever the others found."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace

from migrations_app.domain.option_table import OPTION
from migrations_app.domain.preflight import checks
from migrations_app.domain.preflight.check import CHECKS, Severity
from migrations_app.domain.preflight.engine import run_one
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.post_copy import CHECKS_OF_POST_COPY
from migrations_app.domain.preflight.report import Report, merge
from migrations_app.domain.preflight.shared import NotKnown
from migrations_app.domain.preflight.storage import copied_disks

for _module in pkgutil.iter_modules(checks.__path__):
    importlib.import_module(f"{checks.__name__}.{_module.name}")


def run_all(facts: Facts, *, skip: frozenset[str] = frozenset()) -> Report:
    """Every check of the requested kind but those in `skip`; the others leave no finding at all. Never raises because
    of a check."""
    checks = (check for check in CHECKS.values() if facts.request.kind in check.kinds and check.id not in skip)
    report = merge(finding for check in checks for finding in run_one(check, facts))
    return replace(report, copied=_copied(facts))


def allows_post_copy(facts: Facts) -> bool:
    """Whether this migration could switch to post-copy, whoever wants it."""
    if facts.request.kind not in OPTION["post_copy"].kinds:
        return False
    asked = replace(facts, policy_post_copy=True)
    findings = [finding for name in CHECKS_OF_POST_COPY for finding in run_one(CHECKS[name], asked)]
    return all(finding.severity is Severity.PASSED for finding in findings)


def _copied(facts: Facts) -> tuple[str, ...] | None:
    try:
        return copied_disks(facts)
    except NotKnown:
        return None
