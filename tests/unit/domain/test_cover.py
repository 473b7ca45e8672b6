"""A definition is read whole: every place that libvirt's schemas allow has a rule; what has none is reported."""

from __future__ import annotations

import json
import random
import re
import time
from typing import Any

import pytest
from lxml import etree

from hosts.facts import domain_xml
from hosts.facts.guest import RunState
from migrations_app.domain.definition.cover import rule_for, unread
from migrations_app.domain.definition.rules import RULES
from migrations_app.domain.definition.schema import allows, schema, versions
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import CHECKS, Severity
from tests.data import read
from tests.unit.domain.destinations import equal, judged, worst

CASES: list[dict[str, Any]] = json.loads(read("definitions.json"))
#: a rule holds for all below its path in these versions; what a newer one brings needs a rule of its own
REVIEWED = ("9.0", "11.3")
SEED = 11


def test_every_place_of_the_schema_has_a_rule() -> None:
    for path in schema():
        rule_for(path)
        assert versions()[path] in REVIEWED or path in RULES, f"{path} is new: give it a rule of its own"


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_is_about_something_and_says_why(name: str) -> None:
    path, tilde, form = name.partition("~")
    path, _, value = (path, "", "") if tilde else name.partition("=")
    places = [place for place in schema() if _fits(path, place)]
    assert places
    assert not form or re.compile(form)
    assert not value or any(allows(place, value) for place in places)
    assert bool(RULES[name].because) != bool(RULES[name].reader)
    assert not RULES[name].reader or RULES[name].reader in CHECKS


def _fits(path: str, place: str) -> bool:
    parts, wanted = place.split("/"), path.split("/")
    return len(parts) == len(wanted) and all(word in ("*", part) for word, part in zip(wanted, parts, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.SHUTOFF])
def test_what_nobody_knows_is_never_green(case: dict[str, Any], state: RunState) -> None:
    """An invented element, attribute or value, anywhere in the definition, also of a VM that is shut off."""
    chance = random.Random(f"{SEED} {case['name']}")
    for invent in (_element, _attribute, _value):
        for _ in range(3):
            tree = etree.fromstring(case["xml"])
            what = invent(tree, chance)
            report = run_all(equal(etree.tostring(tree, encoding="unicode"), state=state))
            assert worst(report.findings) in ("unknown", "blocker"), what
            said = [f for f in report.findings if f.check == "not_examined" and f.severity is Severity.UNKNOWN]
            assert said, what


def _element(tree: Any, chance: random.Random) -> str:
    parent = chance.choice(list(tree.iter()))
    parent.insert(chance.randint(0, len(parent)), etree.Element("invented"))
    return f"<invented> in {parent.tag}"


def _attribute(tree: Any, chance: random.Random) -> str:
    element = chance.choice(list(tree.iter()))
    element.set("invented", "yes")
    return f"{element.tag}/@invented"


def _value(tree: Any, chance: random.Random) -> str:
    """Of an attribute that has a list of words."""
    fixed = [(element, name) for element in tree.iter() for name in element.attrib if _has_words(tree, element, name)]
    element, name = chance.choice(fixed)
    element.set(name, "invented")
    return f"{element.tag}/@{name}=invented"


def _has_words(tree: Any, element: Any, name: str) -> bool:
    path = "/".join([*reversed([one.tag for one in element.iterancestors()][:-1]), element.tag])
    allowed = schema().get(f"{path}/@{name}" if element is not tree else f"@{name}", ())
    return bool(allowed) and all(form.startswith("=") for form in allowed)


def test_what_is_inside_something_unknown_is_not_told_again() -> None:
    xml = CASES[0]["xml"].replace("</devices>", "<teleporter mode='fast'><source dev='/dev/t'/></teleporter></devices>")
    parts = unread(domain_xml.parse(xml).leaves)
    assert [(part.path, part.value) for part in parts] == [("devices/teleporter", "")]
    (finding,) = (f for f in run_all(equal(xml)).findings if f.check == "not_examined")
    assert finding.summary.startswith("Not examined: devices/teleporter.")


def test_text_where_none_belongs_is_told() -> None:
    xml = CASES[0]["xml"].replace("<features>", "<features>all of them")
    assert [part.path for part in unread(domain_xml.parse(xml).leaves)] == ["features"]


def test_metadata_is_free() -> None:
    own = "<metadata><o:x xmlns:o='urn:o'><o:y z='1'>text</o:y></o:x></metadata>"
    assert judged(equal(CASES[0]["xml"].replace("<devices>", f"{own}<devices>"))) == "ok"


def test_a_chain_of_images_is_one_place() -> None:
    layer = (
        "<backingStore type='file' index='1'><format type='qcow2'/><source file='/vms/base.qcow2'/>{}</backingStore>"
    )
    chain = layer.format(layer.format(layer.format("<backingStore/>")))
    xml = CASES[0]["xml"].replace("<target dev='vda'", f"{chain}<target dev='vda'")
    assert unread(domain_xml.parse(xml).leaves) == []


def test_many_unknown_parts_are_counted() -> None:
    xml = CASES[0]["xml"].replace("</devices>", "".join(f"<new{n}/>" for n in range(100)) + "</devices>")
    found = [f for f in run_all(equal(xml)).findings if f.check == "not_examined"]
    assert len(found) == 21
    assert "80 more parts" in found[-1].summary


def test_a_very_long_value_is_told_soon() -> None:
    """Some patterns of the schemas take very long for one."""
    started = time.thread_time()
    (part,) = unread([("os/initenv/@name", "a" * 200_000 + "!")])
    assert (part.path, part.because) == ("os/initenv/@name", "")
    assert time.thread_time() - started < 1


def test_many_unknown_parts_are_told_soon() -> None:
    started = time.thread_time()
    assert len(unread([(f"devices/odd{number}", "") for number in range(20_000)])) == 20_000
    assert time.thread_time() - started < 5
