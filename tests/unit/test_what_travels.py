"""docs/what-travels.md is honest: what it says is carried has a test, and what is refused or said has a check."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import migrations_app.domain.preflight.catalog  # noqa: F401  registers the checks
from migrations_app.domain.preflight.check import CHECKS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "what-travels.md").read_text()
ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*)\| `([^`|]+)` \|$", PAGE, re.MULTILINE)
TESTS = "tests/lab/test_what_travels.py"


def lab_tests(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_row_says_what_becomes_of_it_and_who_proves_it() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| what")]
    assert len(ROWS) == len(lines)
    assert {state for _, state, _, _ in ROWS} == {"carried", "refused", "said"}
    assert len({what for what, _, _, _ in ROWS}) == len(ROWS)


def test_what_is_carried_has_a_lab_test() -> None:
    for what, state, _, proof in ROWS:
        path, _, name = proof.partition("::")
        if state == "carried":
            assert path.startswith("tests/lab/"), what
            assert name in lab_tests(path), what


def test_what_is_refused_or_said_has_a_check() -> None:
    assert [what for what, state, _, proof in ROWS if state != "carried" and proof not in CHECKS] == []


def test_every_lab_test_of_this_page_proves_a_row() -> None:
    named = {proof.partition("::")[2] for _, _, _, proof in ROWS if proof.startswith(f"{TESTS}::")}
    assert {name for name in lab_tests(TESTS) if not name.endswith("_is_said")} == named
