"""Recorded real migrations: tests/data/runs, made by `make record`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosts.facts.guest import JobKind, JobStats

FOLDER = Path(__file__).parent / "data" / "runs"
FILES = sorted(FOLDER.glob("*.json"))


@dataclass(frozen=True)
class Run:
    """`about`: the VM, the link, what was changed, how it ended. `looks`: libvirt's numbers, in order of time."""

    about: dict[str, Any]
    looks: tuple[JobStats, ...]

    @property
    def name(self) -> str:
        return str(self.about["name"])


def load(file: Path) -> Run:
    found = json.loads(file.read_text())
    looks = tuple(JobStats(kind=JobKind.MIGRATION_OUT, **sample) for sample in found["samples"])
    return Run(about=found["about"], looks=looks)
