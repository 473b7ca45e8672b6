"""A plan, and what has changed in it, for people. Those who must not see hosts only learn which part has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kvmweb.web.plain import isolated
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.option import Option
from migrations_app.domain.options import OPTIONS
from migrations_app.domain.preflight import catalog  # noqa: F401  it registers the checks
from migrations_app.domain.preflight.check import CHECKS
from migrations_app.words.badges import SEVERITY_BADGES


@dataclass(frozen=True, slots=True)
class Change:
    """`before` and `now` are "" for people who must not see hosts."""

    what: str
    before: str
    now: str


def parts(plan: Mapping[str, Any], hosts: Mapping[int, str]) -> list[tuple[str, str]]:
    """(what, text) of everything but the findings; what is empty is left out. `hosts`: names by id."""
    kind = plan.get("kind", "")
    found = [
        ("Method", KIND[Kind(kind)].label if kind in set(Kind) else kind),
        ("From", _host(plan.get("source"), hosts)),
        ("To", _host(plan.get("target"), hosts)),
        ("Options", _options(plan.get("options") or {})),
        ("To do", isolated(plan.get("about", ""))),
        ("Asked again", plan.get("again", "")),
    ]
    return [one for one in found if one[1]]


def findings(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(severity, what the check is about) of what did not pass."""
    return [(severity, _title(check)) for check, severity in plan.get("findings", []) if severity != "passed"]


def passed(plan: Mapping[str, Any]) -> int:
    return sum(severity == "passed" for _, severity in plan.get("findings", []))


def changes(
    before: Mapping[str, Any], now: Mapping[str, Any], hosts: Mapping[int, str], *, whole: bool
) -> list[Change]:
    """Between the plan that people were asked about first and the one they are asked about now."""
    if not before:
        return []
    old, new = dict(parts(before, hosts)), dict(parts(now, hosts))
    found = [Change(what, old.get(what, "–"), new.get(what, "–")) for what in {**old, **new}]
    found += _of_findings(before, now)
    return [one if whole else Change(one.what, "", "") for one in found if one.before != one.now]


def _of_findings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    old, new = _severities(before), _severities(now)
    found = sorted({**old, **new})
    return [
        Change(f"Check: {_title(check)}", old.get(check, "not checked"), new.get(check, "not checked"))
        for check in found
    ]


def _severities(plan: Mapping[str, Any]) -> dict[str, str]:
    """Of each check, in words."""
    told: dict[str, str] = {}
    for check, severity in plan.get("findings", []):
        word = SEVERITY_BADGES[severity].label.lower() if severity in SEVERITY_BADGES else severity
        told[check] = f"{told[check]}, {word}" if check in told else word
    return told


def _title(check: str) -> str:
    return CHECKS[check].title if check in CHECKS else check


def _host(pk: int | None, hosts: Mapping[int, str]) -> str:
    return "" if pk is None else isolated(hosts.get(pk, f"host {pk}, which was removed"))


def _options(values: Mapping[str, Any]) -> str:
    rows = {option.name: option for option in OPTIONS}
    chosen = {rows[name]: value for name, value in values.items() if name in rows and value != rows[name].default}
    return ", ".join(_option(option, value) for option, value in chosen.items() if value not in (False, None))


def _option(option: Option, value: Any) -> str:
    return option.label if value is True else f"{option.label}: {isolated(str(value))}"
