"""The shape of a preflight check and of what it finds. One check = one file in `checks/`, registered by `@check`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import BETWEEN_HOSTS, Kind
from migrations_app.domain.preflight.facts import Facts

ALL = frozenset(Kind)


class Severity(StrEnum):
    BLOCKER = "blocker"
    UNKNOWN = "unknown"
    WARNING = "warning"
    INFO = "info"
    PASSED = "passed"


class Verdict(StrEnum):
    """Precedence: blocked > unknown > warnings > ok. Only `blocked` stops a start."""

    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    WARNINGS = "warnings"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What removes a finding: `text` says it, `command` is the exact command (run on `on`), if there is one. `kind` is
    the kind of migration that the text tells to choose, `option` the name of the one that it tells to set: the page has
    a button for it."""

    text: str
    command: str = ""
    on: str = ""
    kind: str = ""
    option: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check says. `summary` is one sentence, `evidence` the very values compared, `affects` e.g. "disk vda"."""

    check: str = ""
    severity: Severity
    summary: str
    evidence: dict[str, str] = field(default_factory=dict)
    affects: str = ""
    remedies: tuple[Remedy, ...] = ()

    def as_json(self) -> dict[str, Any]:
        values = asdict(self)
        values["severity"] = str(self.severity)
        values["remedies"] = [asdict(remedy) for remedy in self.remedies]
        return values


Run = Callable[[Facts], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`id` is the module's name. `needs` are attribute paths of Facts ("target.pools"): if one of them is Unknown the
    check does not run and says so. `unknown_blocks`: not knowing is itself a blocker (host answers, disks).
    `title` is a statement that also reads well after "kvmweb cannot tell whether", and begins with a word that may be
    in lower case; `passed` is the sentence shown when it found nothing. `kinds`: those it applies to, by default those
    that have a destination; for another one it leaves no finding at all."""

    id: str
    title: str
    passed: str
    needs: tuple[str, ...]
    unknown_blocks: bool
    run: Run
    kinds: frozenset[Kind] = BETWEEN_HOSTS


CHECKS: dict[str, Check] = {}


def check(
    *,
    title: str,
    passed: str,
    needs: tuple[str, ...] = (),
    unknown_blocks: bool = False,
    kinds: Collection[Kind] = BETWEEN_HOSTS,
) -> Callable[[Run], Run]:
    """Register a function from facts to findings as the check named like its module."""

    def register(run: Run) -> Run:
        name = run.__module__.rsplit(".", 1)[-1]
        CHECKS[name] = Check(
            id=name,
            title=title,
            passed=passed,
            needs=needs,
            unknown_blocks=unknown_blocks,
            run=run,
            kinds=frozenset(kinds),
        )
        return run

    return register


def look_up(facts: Facts, path: str) -> Any:
    """`look_up(facts, "target.pools")`, or "target.told.name" for a probe; an Unknown on the way is the answer."""
    value: Any = facts
    for part in path.split("."):
        if isinstance(value, Unknown):
            return value
        value = value[part] if isinstance(value, Mapping) else getattr(value, part)
    return value
