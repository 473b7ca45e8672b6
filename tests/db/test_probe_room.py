"""A fact over ssh is one file: what a probe tells is asked of its side, and checks look at it, with nothing else
changed. The probe here stands for a new file in hosts/gateway/probes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hosts.gateway.probes
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError
from hosts.gateway.probe import PROBES, Asked, NoAnswer, probe
from hosts.models import Host
from migrations_app.domain.preflight.check import Check, Finding, Severity
from migrations_app.domain.preflight.engine import run_one
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.request import MigrationRequest
from migrations_app.worker.facts.collect import collect
from migrations_app.worker.facts.side import Side
from tests.fakes.gateway import FakeFleet
from tests.fakes.guests import FakeGuest, new_guest

NAME = "test_probe_room"  # of a probe, the name is its module's


@pytest.fixture
def max_sessions() -> Iterator[None]:
    @probe("sshd", "-T", asks="say how many sessions its ssh allows", asked=Asked.TARGET)
    def max_sessions(out: str) -> int:
        found = re.search(r"^maxsessions (\d{1,9})$", out, re.MULTILINE)
        if not found:
            raise NoAnswer
        return int(found[1])

    yield
    del PROBES[NAME]


def few_sessions(facts: Facts) -> Iterator[Finding]:
    allowed = facts.target.answer(NAME, int)
    if not isinstance(allowed, Unknown) and allowed < 10:
        yield Finding(severity=Severity.WARNING, summary=f"Only {allowed} sessions.")


CHECK = Check(id="x", title="X", passed="Fine.", needs=(f"target.told.{NAME}",), unknown_blocks=False, run=few_sessions)


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = FakeFleet("kvm-a", "kvm-b")
    fleet["kvm-a"].add(new_guest("web"))
    return fleet


def facts_of(fleet: FakeFleet) -> Facts:
    (guest,) = fleet["kvm-a"].guests.values()
    assert isinstance(guest, FakeGuest)
    hosts = [Host(name=name, transport="ssh", address=fleet[name].address) for name in ("kvm-a", "kvm-b")]
    sides = [Side(host=host, connection=fleet.connect(host.endpoint)) for host in hosts]
    return collect(MigrationRequest(guest=guest.definition.uuid, target=2), *sides, probe=False)[0]


def test_its_answer_reaches_the_checks(fleet: FakeFleet, max_sessions: None) -> None:
    fleet["kvm-b"].written[NAME] = "port 22\nmaxsessions 4\n"
    facts = facts_of(fleet)
    assert (facts.target.answer(NAME, int), facts.target.told, facts.source.told) == (4, {NAME: 4}, {})
    (finding,) = run_one(CHECK, facts)
    assert (finding.severity, finding.summary) == (Severity.WARNING, "Only 4 sessions.")
    assert NAME not in fleet.methods("kvm-a")


def test_what_nobody_said_is_unknown(fleet: FakeFleet, max_sessions: None) -> None:
    (finding,) = run_one(CHECK, facts_of(fleet))
    assert finding.severity is Severity.UNKNOWN
    assert finding.remedies[0].text == "Register kvm-b by ssh."
    fleet["kvm-b"].fail(NAME, GatewayError("kvm-b could not say how many sessions its ssh allows: no such file"))
    assert "no such file" in run_one(CHECK, facts_of(fleet))[0].summary


def test_without_a_probe_nothing_is_asked(fleet: FakeFleet) -> None:
    facts = facts_of(fleet)
    assert (facts.source.told, facts.target.told) == ({}, {})
    assert facts.target.answer(NAME, int) == Unknown("kvmweb did not ask kvm-b.")


def test_every_file_is_one_probe_of_its_name() -> None:
    modules = {path.stem for path in Path(hosts.gateway.probes.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(PROBES) == modules
    assert all(made.asks and not made.asks.endswith(".") for made in PROBES.values())
