"""The rules that every finding of every test is held against do find what they are for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from migrations_app.domain.preflight import checks
from migrations_app.domain.preflight.check import Finding, Remedy, Severity
from migrations_app.domain.preflight.shared import at_least, size, sizes
from tests.unit.domain.wording import FORBIDDEN, complaints

GIB = 1024**3
GOOD = Finding(
    severity=Severity.WARNING,
    summary="kvm-b has 1.2 GiB of memory free; web01 needs 2.2 GiB.",
    evidence={"free": "1.2 GiB"},
    remedies=(Remedy(text="Start the pool.", command="virsh pool-start vms", on="kvm-b"),),
)


def test_a_good_finding_is_left_alone() -> None:
    assert complaints(GOOD) == []


@pytest.mark.parametrize(
    "summary",
    [
        "Whether kvm-b has it is not known.",
        "The pool has 4294967296 bytes free.",
        "web01 moves to kvm-b.",
        "The snapshots do not come along.",
        "kvm-b does not answer.",
        "Every bridge is at the destination.",
        "Leave vda out of copy_disks.",
        "no end",
    ],
)
def test_a_bad_sentence_is_found(summary: str) -> None:
    assert complaints(replace(GOOD, summary=summary))
    assert complaints(replace(GOOD, remedies=(Remedy(text=summary),)))


@pytest.mark.parametrize("command", ["virsh setmem --live web01 NEW-SIZE", "hostnamectl hostname <name>", "virsh …"])
def test_a_command_to_fill_in_is_found(command: str) -> None:
    assert complaints(replace(GOOD, remedies=(Remedy(text="Do this.", command=command, on="kvm-b"),)))


def test_a_bare_number_of_bytes_is_found() -> None:
    assert complaints(replace(GOOD, evidence={"free": "4294967296"}))


@pytest.mark.parametrize("path", sorted(Path(checks.__path__[0]).glob("*.py")), ids=lambda path: str(path.stem))
def test_no_check_says_it_where_no_test_looks(path: Path) -> None:
    """Docstrings and comments too."""
    text = path.read_text().replace("copy_disks", "")
    assert [rule for rule, pattern in FORBIDDEN if pattern.search(text)] == []


def test_sizes_for_people() -> None:
    assert [size(count) for count in (0, 900, 1536, 256 * 1024**2, 4 * GIB, 3 * 1024**4)] == [
        "0 B", "900 B", "1.5 KiB", "256 MiB", "4 GiB", "3 TiB",
    ]  # fmt: skip
    assert at_least(GIB + 1) == "1.1 GiB"  # never rounded down
    assert sizes(2 * GIB, 2 * GIB) == ("2 GiB", "2 GiB")
    assert sizes(2 * GIB, 2 * GIB - 1024**2) == ("2048 MiB", "2047 MiB")  # what differs reads differently
