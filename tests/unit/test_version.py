"""The version that records name is the one that is released."""

from __future__ import annotations

import tomllib
from pathlib import Path

from kvmweb.version import VERSION


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
