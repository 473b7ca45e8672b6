"""Whatever is added to a definition adds a finding, on a destination that has all that the VM needed before.

tests/data/oddities.txt has the additions, and the reasons of those that need no finding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest
from lxml import etree

from hosts.facts.guest import RunState
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts.host import TargetFacts
from tests.data import read
from tests.unit.domain.destinations import equal

BASES = {
    "minimal": json.loads(read("definitions.json"))[0]["xml"],
    "ordinary": read("ordinary/ubuntu24.04-virt-manager.live.xml"),
}
#: of these a definition has many
MANY = ("timer", "feature", "boot", "seclabel", "sysinfo")


@dataclass(frozen=True, slots=True)
class Oddity:
    at: str
    what: str
    reason: str = ""

    def added(self, xml: str) -> str:
        tree = etree.fromstring(xml)
        node = tree
        for tag in () if self.at == "." else self.at.split("/"):
            found = node.find(tag)
            node = etree.SubElement(node, tag) if found is None else found
        if self.what.startswith("="):
            node.text = self.what[1:]
        elif self.what.startswith("@"):
            name, _, value = self.what[1:].partition("=")
            node.set(name, value)
        else:
            new = etree.fromstring(self.what)
            for old in node.findall(str(new.tag)) if self.at != "devices" and new.tag not in MANY else ():
                node.remove(old)
            node.append(new)
        return etree.tostring(tree, encoding="unicode")


def oddities() -> Iterator[Oddity]:
    for line in read("oddities.txt").splitlines():
        if not line.startswith("#"):
            yield Oddity(*line.split("\t"))


@cache
def _prepared(base: str) -> TargetFacts:
    return equal(base).target


def _said(xml: str, base: str, state: RunState) -> frozenset[tuple[str, str]]:
    """By the facts of a destination that is equal but for what was added."""
    facts = replace(equal(xml, state=state), target=_prepared(base))
    return frozenset(
        (found.check, found.summary) for found in run_all(facts).findings if found.severity is not Severity.PASSED
    )


@pytest.mark.parametrize(("base", "state"), [("minimal", RunState.RUNNING), ("ordinary", RunState.SHUTOFF)])
def test_an_oddity_adds_a_finding_or_has_a_reason_why_not(base: str, state: RunState) -> None:
    xml = BASES[base]
    before = _said(xml, xml, state)
    silent = [odd for odd in oddities() if not _said(odd.added(xml), xml, state) - before]
    assert [odd for odd in silent if not odd.reason] == []
    if base == "ordinary":
        assert [odd for odd in oddities() if odd.reason and odd not in silent] == []


def test_a_reason_is_one_of_those_explained() -> None:
    explained = {line[2:].partition(":")[0] for line in read("oddities.txt").splitlines() if line.startswith("# ")}
    assert {odd.reason for odd in oddities()} - {""} <= explained
    assert len(set(oddities())) == len(list(oddities())) > 500
