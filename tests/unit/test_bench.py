"""What `make bench` says about the aim."""

from __future__ import annotations

import pytest

from bench.overhead import OURS, Series


@pytest.mark.parametrize(("ours", "word"), [([1.2, 0.9, 1.0], "reached"), ([1.4, 0.9, 1.2], "missed")])
def test_the_median_of_the_differences_is_compared_with_the_aim(ours: list[float], word: str) -> None:
    said = Series("ssh", times={OURS: ours, "virsh": [0.8, 0.8, 0.8]}).verdict()
    assert said.split()[:4] == ["ssh", "kvmweb", "adds", f"{1000 * (sorted(ours)[1] - 0.8):+.0f}"]
    assert said.endswith(f"(aim: 300 ms, {word})")
