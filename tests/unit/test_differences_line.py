"""The journal's line about two saved definitions."""

from __future__ import annotations

from migrations_app.domain.definition.difference import MOST, Difference
from migrations_app.words.differences import differences_line


def line(*found: Difference, target: str = "kvm-b") -> str:
    return differences_line("web-01", "kvm-a", target, found)


def test_each_case_has_its_words() -> None:
    cases = (
        Difference("memory", "1", "2"),
        Difference("a", "", "b"),
        Difference("c", "d", ""),
        Difference("e", "f", "f"),
    )
    assert line(*cases) == (
        "The saved definition of web-01 on kvm-b differs from the one on kvm-a: memory is 2 instead of 1; a is new (b);"
        " c is missing (d); e has another value."
    )


def test_a_vm_that_stays_on_its_host_has_one_definition() -> None:
    said = line(Difference("memory", "1", "2"), target="kvm-a")
    assert said == "The saved definition of web-01 on kvm-a differs from what it was: memory is 2 instead of 1."


def test_no_more_than_ten_are_told() -> None:
    found = [Difference(f"p{number}", "1", "2") for number in range(MOST + 1)]
    said = line(*found)
    assert said.endswith("; and more.")
    assert f"p{MOST} " not in said
    assert "more" not in line(*found[:MOST])
