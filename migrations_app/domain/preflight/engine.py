"""Runs one check: its findings, or that it could not tell. A check never stops another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Check, Finding, Remedy, Severity, look_up
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.shared import NotKnown


def run_one(check: Check, facts: Facts) -> tuple[Finding, ...]:
    """What one check says: its findings, or that it could not tell, or that it passed."""
    findings = tuple(replace(finding, check=check.id) for finding in _findings(check, facts))
    return findings or (Finding(check=check.id, severity=Severity.PASSED, summary=check.passed),)


def _findings(check: Check, facts: Facts) -> Iterator[Finding]:
    try:
        looked_up = {path: look_up(facts, path) for path in check.needs}
        unknown = {path: fact for path, fact in looked_up.items() if isinstance(fact, Unknown)}
        if unknown:
            yield _not_known(check, facts, unknown)
        else:
            yield from check.run(facts)
    except NotKnown as problem:
        yield _not_known(check, facts, {problem.what: problem.fact})
    except Exception as error:
        # A bug in one check must neither hide the others' findings nor look like a pass.
        yield Finding(
            severity=_severity_of_unknown(check, facts),
            summary=f"kvmweb cannot tell whether {_clause(check)}, because of a bug in kvmweb.",
            evidence={"error": f"{type(error).__name__}: {error}"},
            remedies=(Remedy(text="Report this bug with the values below."),),
        )


def _not_known(check: Check, facts: Facts, unknown: dict[str, Unknown]) -> Finding:
    reasons = list(dict.fromkeys(fact.reason.rstrip(".") for fact in unknown.values()))
    remedies = dict.fromkeys(fact.remedy for fact in unknown.values() if fact.remedy)
    return Finding(
        severity=_severity_of_unknown(check, facts),
        summary=f"kvmweb cannot tell whether {_clause(check)}: {'; '.join(reasons)}.",
        evidence={path: fact.reason for path, fact in unknown.items()},
        remedies=tuple(Remedy(text=text) for text in remedies),
    )


def _clause(check: Check) -> str:
    """The title within a sentence."""
    return check.title[0].lower() + check.title[1:]


def _severity_of_unknown(check: Check, facts: Facts) -> Severity:
    return Severity.BLOCKER if check.unknown_blocks and not facts.starts else Severity.UNKNOWN
