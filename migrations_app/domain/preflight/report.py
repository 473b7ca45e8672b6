"""All findings of one run, with the verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from migrations_app.domain.preflight.check import Finding, Severity, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`copied`: the targets of the disks that were judged as copied; None when that could not be told."""

    findings: tuple[Finding, ...]
    copied: tuple[str, ...] | None = None

    @property
    def verdict(self) -> Verdict:
        seen = {finding.severity for finding in self.findings}
        if Severity.BLOCKER in seen:
            return Verdict.BLOCKED
        if Severity.UNKNOWN in seen:
            return Verdict.UNKNOWN
        return Verdict.WARNINGS if Severity.WARNING in seen else Verdict.OK

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is severity)


def merge(findings: Iterable[Finding]) -> Report:
    order = list(Severity)
    return Report(findings=tuple(sorted(findings, key=lambda finding: (order.index(finding.severity), finding.check))))
