"""Code, documentation and tests list the same checks; every check is well formed; the engine hides nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import BETWEEN_HOSTS, Kind
from migrations_app.domain.preflight import checks
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import CHECKS, Check, Finding, Severity, Verdict, look_up
from migrations_app.domain.preflight.check import check as register
from migrations_app.domain.preflight.engine import run_one
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.report import Report, merge
from tests.unit.domain.factories import (
    HEALTHY,
    SILENT,
    changed,
    cold,
    facts,
    stays,
    with_guest,
    with_options,
    with_target,
)
from tests.unit.domain.wording import complaints

ROOT = Path(__file__).parents[3]
MODULES = {path.stem for path in Path(checks.__path__[0]).glob("*.py")} - {"__init__"}


def test_every_module_is_one_check_and_every_check_one_module() -> None:
    assert set(CHECKS) == MODULES


def test_every_check_has_its_tests_and_every_test_its_check() -> None:
    tested = {path.stem.removeprefix("test_") for path in (Path(__file__).parent / "checks").glob("test_*.py")}
    assert tested == MODULES


def test_every_check_is_documented_and_every_section_is_a_check() -> None:
    documented = re.findall(r"^### `(\w+)`$", (ROOT / "docs" / "preflight.md").read_text(), re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == MODULES


def test_the_documentation_tells_which_unknowns_block() -> None:
    text = (ROOT / "docs" / "preflight.md").read_text()
    sections = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    says = {name for name, section in sections.items() if "Unknown blocks." in section}
    assert says == {check.id for check in CHECKS.values() if check.unknown_blocks}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_check_stays_small(name: str) -> None:
    assert len((Path(checks.__path__[0]) / f"{name}.py").read_text().splitlines()) <= 60


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: str(check.id))
def test_a_check_is_well_formed(check: Check) -> None:
    assert re.match(r"[A-Z][a-z]+['’ ].*[^.]$", check.title)  # "kvmweb cannot tell whether the …"
    assert check.passed.endswith(".")
    for path in check.needs:
        assert not isinstance(look_up(HEALTHY, path), Unknown)


@pytest.mark.parametrize("kind", sorted(BETWEEN_HOSTS))
def test_every_kind_has_its_checks(kind: Kind) -> None:
    assert {"kind_applies", "disks_reachable", "identity_free", "networks_present"} < of_kind(kind)


def test_a_vm_that_stays_is_checked_on_its_host_alone() -> None:
    report = run_all(stays())
    assert (report.verdict, report.copied) == (Verdict.OK, ("vda",))
    assert [finding.check for finding in report.findings] == sorted(of_kind(Kind.STORAGE))
    assert of_kind(Kind.STORAGE) == {
        *(
            "block_jobs",
            "certificates_valid",
            "checkpoints",
            "chosen_places",
            "contradictions",
            "copied_content",
            "copied_images",
        ),
        *("copy_choice", "copy_place", "copy_room", "flat_copies", "guest_busy", "guest_state", "host_answers"),
        *("kind_applies", "option_conflicts", "own_disks", "runs_nowhere", "saved_disks", "saved_state", "snapshots"),
        "whole_volumes",
    }


def test_a_vm_that_is_shut_off_is_checked_too() -> None:
    report = run_all(cold())
    assert report.verdict is Verdict.OK
    assert [finding.check for finding in report.findings] == sorted(of_kind(Kind.OFFLINE))
    assert {"runs_nowhere", "saved_state", "local_state"} < of_kind(Kind.OFFLINE)


def of_kind(kind: Kind) -> set[str]:
    return {check.id for check in CHECKS.values() if kind in check.kinds}


def test_a_healthy_pair_is_ok_and_every_check_says_so() -> None:
    report = run_all(HEALTHY)
    assert report.verdict is Verdict.OK
    assert [finding.check for finding in report.findings] == sorted(of_kind(Kind.LIVE))
    assert all(finding.severity is Severity.PASSED for finding in report.findings)


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: str(check.id))
def test_a_missing_fact_is_never_green(check: Check) -> None:
    for path in check.needs:
        (finding,) = run_one(check, without(path))
        assert finding.severity is (Severity.BLOCKER if check.unknown_blocks else Severity.UNKNOWN)
        assert complaints(finding) == []
        assert finding.evidence[path] == SILENT.reason
        assert finding.remedies[0].text == SILENT.remedy


def without(path: str) -> Facts:
    return facts(**{path.replace(".", "_", 1): SILENT})


def test_all_blockers_at_once() -> None:
    given = with_target(
        with_guest(changed(HEALTHY, guest_snapshots=2), machine="pc-q35-10.0"), interfaces=(), networks=()
    )
    report = run_all(given)
    assert report.verdict is Verdict.BLOCKED
    assert {finding.check for finding in report.of(Severity.BLOCKER)} == {
        "snapshots",
        "machine_type",
        "bridges_present",
        "networks_present",
    }
    assert {finding.check for finding in report.findings} == of_kind(Kind.LIVE)


def test_a_skipped_check_says_nothing() -> None:
    report = run_all(facts(peer=SILENT), skip=frozenset({"peer_reachable"}))
    assert "peer_reachable" not in {finding.check for finding in report.findings}
    assert report.verdict is Verdict.OK


def test_a_check_of_another_kind_leaves_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    @register(title="Copies", passed="Fine.", kinds={Kind.LIVE_STORAGE})
    def only_copies(_: Facts) -> Iterator[Finding]:
        yield Finding(severity=Severity.WARNING, summary="copies")

    made = CHECKS.pop("test_catalog")
    monkeypatch.setitem(CHECKS, "copies", made)
    assert "test_catalog" not in {finding.check for finding in run_all(HEALTHY).findings}
    assert "test_catalog" in {finding.check for finding in run_all(with_options(copy_disks=True)).findings}


@pytest.mark.parametrize("blocks", [True, False])
def test_a_check_that_raises_is_not_green_and_keeps_what_it_found(blocks: bool) -> None:
    def broken(_: Facts) -> Iterator[Finding]:
        yield Finding(severity=Severity.WARNING, summary="seen")
        raise KeyError("oops")

    check = Check(id="broken", title="Broken", passed="Fine.", needs=(), unknown_blocks=blocks, run=broken)
    seen, failed = run_one(check, HEALTHY)
    assert (seen.check, seen.summary) == ("broken", "seen")
    assert failed.severity is (Severity.BLOCKER if blocks else Severity.UNKNOWN)
    assert failed.summary == "kvmweb cannot tell whether broken, because of a bug in kvmweb."
    assert failed.evidence == {"error": "KeyError: 'oops'"}


def test_a_need_that_does_not_exist_is_not_green() -> None:
    check = Check(id="x", title="X", passed="Fine.", needs=("target.moon",), unknown_blocks=False, run=lambda _: ())
    assert run_one(check, HEALTHY)[0].severity is Severity.UNKNOWN


def report_of(*severities: Severity) -> Report:
    return merge(Finding(check=str(severity), severity=severity, summary="") for severity in severities)


def test_verdicts_by_precedence() -> None:
    blocker, unknown, warning, info, passed = Severity
    assert report_of(passed, info, warning, unknown, blocker).verdict is Verdict.BLOCKED
    assert report_of(passed, info, warning, unknown).verdict is Verdict.UNKNOWN
    assert report_of(passed, info, warning).verdict is Verdict.WARNINGS
    assert report_of(passed, info).verdict is Verdict.OK


def test_findings_are_sorted_by_severity_and_become_plain_json() -> None:
    report = report_of(Severity.PASSED, Severity.BLOCKER)
    assert [finding.severity for finding in report.findings] == [Severity.BLOCKER, Severity.PASSED]
    assert report.findings[0].as_json() == {
        "check": "blocker",
        "severity": "blocker",
        "summary": "",
        "evidence": {},
        "affects": "",
        "remedies": [],
    }
