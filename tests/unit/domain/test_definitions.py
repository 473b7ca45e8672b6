"""Definitions from strangers: what kvmweb says of each is what libvirt does with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.facts import Facts
from tests.data import read
from tests.unit.domain.destinations import equal, judged, worst
from tests.unit.domain.factories import identity, with_source, with_target

CASES: list[dict[str, Any]] = json.loads(read("definitions.json"))
LACKING = [case for case in CASES if "lacking" in case["expect"]]
COPIED = [case for case in CASES if "copied" in case["expect"]]


def _capabilities(facts: Facts, **changes: Any) -> Facts:
    return with_target(facts, capabilities=replace(facts.target.capabilities, **changes))  # type: ignore[type-var]


def _offers(facts: Facts, device: str) -> Facts:
    offers = facts.target.domcaps.offers  # type: ignore[union-attr]
    fewer = {key: frozenset() if key[0] == device else values for key, values in offers.items()}
    return with_target(facts, domcaps=replace(facts.target.domcaps, offers=fewer))  # type: ignore[type-var]


def _no_files(facts: Facts) -> Facts:
    return with_target(facts, files=dict.fromkeys(facts.target.files, False))  # type: ignore[arg-type]


#: how a destination is made that lacks what the case names
WITHOUT: dict[str, Callable[[Facts], Facts]] = {
    "the port: another guest holds it": lambda facts: with_target(facts, ports=frozenset({5901})),
    "the filter": lambda facts: with_target(facts, network_filters=()),
    "the secret": lambda facts: with_target(facts, secrets=()),
    "swtpm": lambda facts: _offers(facts, "tpm"),
    "the data file": _no_files,
    "the file": _no_files,
    "the device": _no_files,
    "the SELinux driver (secmodel none or apparmor)": lambda facts: _capabilities(
        facts, security_models=frozenset({"none", "dac", "apparmor"})
    ),
    "the SELinux driver": lambda facts: _capabilities(facts, security_models=frozenset({"none"})),
    "CPUs 40 and 41": lambda facts: _capabilities(facts, cpu_numbers=frozenset(range(8))),
    "CPUs 40 to 47": lambda facts: _capabilities(facts, cpu_numbers=frozenset(range(8))),
    "the interface eth2": lambda facts: with_target(facts, interfaces=()),
    # what kvmweb cannot ask for: it says so, whatever the destination has
    "the connection": lambda facts: facts,
    "huge pages": lambda facts: facts,
    "passt": lambda facts: facts,
}


def _facts(case: dict[str, Any], **more: Any) -> Facts:
    facts = equal(case["xml"], **more)
    if since := case.get("from_qemu"):
        major, _, minor = str(since).partition(".")
        facts = with_source(facts, identity=identity(qemu=int(major) * 1_000_000 + int(minor) * 1_000))
    return facts


@pytest.mark.parametrize("case", [case for case in CASES if "equal" in case["expect"]], ids=lambda case: case["name"])
def test_an_equal_destination(case: dict[str, Any]) -> None:
    report = run_all(_facts(case))
    assert worst(report.findings) in case["expect"]["equal"], [f for f in report.findings if f.severity != "passed"]


@pytest.mark.parametrize("case", LACKING, ids=lambda case: case["name"])
def test_a_destination_without_it(case: dict[str, Any]) -> None:
    assert judged(WITHOUT[case["lacks"]](_facts(case))) in case["expect"]["lacking"]


@pytest.mark.parametrize("case", COPIED, ids=lambda case: case["name"])
def test_a_copy(case: dict[str, Any]) -> None:
    report = run_all(_facts(case, copied=("vda",)))
    assert worst(report.findings) in case["expect"]["copied"], [f for f in report.findings if f.severity != "passed"]
