from __future__ import annotations

import pytest

from kvmweb.ui import units


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (512 * 1024**2, "512 MiB"),
        (7.25 * 1024**4, "7.2 TiB"),
    ],
)
def test_size(count: float | None, text: str) -> None:
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (84, "84 ms"),
        (1_200, "1.2 s"),
        (9_940, "9.9 s"),
        (9_960, "10 s"),
        (72_000, "1 min 12 s"),
        (60_000, "1 min"),
        (7_500_000, "2 h 5 min"),
        (273_600_000, "3 d 4 h"),
    ],
)
def test_duration(milliseconds: float | None, text: str) -> None:
    assert units.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, None, "–"),
        (4_000, 7_000, "4 to 7 s"),
        (12_000, 12_400, "about 12 s"),
        (8_000, 72_000, "8 s to 1 min 12 s"),
        (None, 5_000, "about 5 s"),
    ],
)
def test_span(low: float | None, high: float | None, text: str) -> None:
    assert units.span(low, high) == text
