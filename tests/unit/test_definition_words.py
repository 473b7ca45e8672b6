"""The journal's line about two saved definitions of a VM."""

from __future__ import annotations

from hosts.models import Host
from migrations_app.domain.definition.difference import Difference
from migrations_app.models import Migration
from migrations_app.words.definition import differs


def line(*found: Difference, stays: bool = False) -> str:
    here, there = Host(pk=1, name="kvm-a"), Host(pk=2, name="kvm-b")
    return differs(Migration(guest_name="web-01", source=here, target=here if stays else there), found)


def test_each_case_has_its_words() -> None:
    cases = (
        Difference("memory", "1", "2"),
        Difference("a", "", "b"),
        Difference("c", "d", ""),
        Difference("e", "f", "f"),
    )
    assert line(*cases) == (
        "The saved definition on kvm-b is not quite the one that web-01 had on kvm-a: memory is “2” instead of “1”;"
        " a is new (“b”); c is missing (“d”); e has another value."
    )


def test_a_vm_that_stays_on_its_host_had_another_one_before() -> None:
    said = line(Difference("memory", "1", "2"), stays=True)
    assert said.startswith("The saved definition on kvm-a is not quite the one that web-01 had before: memory is")


def test_the_line_is_short() -> None:
    said = line(*(Difference(f"p{number}", "1", "2") for number in range(9)))
    assert said.endswith("p4 is “2” instead of “1”; and more.")
