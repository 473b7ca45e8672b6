"""What is written to the log by others stays one entry, and reads from left to right."""

from __future__ import annotations

import logging

import pytest

from kvmweb.logs import OneLineFormatter


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("web-01", "web-01"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("a\r\x9bb\x00", "a\\x0d\\x9bb\\x00"),
        ("a\u2028b", "a\\u2028b"),
        ("exe.\u202etxt\u2066", "exe.\\u202etxt\\u2066"),
        ("two\nlines", "two\n    lines"),
    ],
)
def test_a_guest_cannot_forge_a_line_a_colour_or_a_direction(said: str, written: str) -> None:
    record = logging.LogRecord("kvmweb", logging.WARNING, __file__, 1, "%s", (said,), None)
    assert OneLineFormatter().format(record).endswith(f": {written}")
