"""How much memory a kvmweb needs: PSS, which counts what processes share once in all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PSS = re.compile(rb"^Pss: +(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Footprint:
    processes: int
    mib: float

    def __str__(self) -> str:
        return f"{self.mib:.0f} MiB in {self.processes} processes"


def footprint(pids: Iterable[int]) -> Footprint:
    """Of those that still run."""
    found = [kib for pid in pids if (kib := _pss_kib(pid)) is not None]
    return Footprint(processes=len(found), mib=sum(found) / 1024)


def _pss_kib(pid: int) -> int | None:
    try:
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes())
    except OSError:
        return None
    return int(found[1]) if found else None
