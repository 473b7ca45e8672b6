"""What `serve` says of its children, in a file: this must work while the database does not."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """`pid` 0: it does not run now. `ticks` identifies the process together with the pid. `started`: ISO, UTC."""

    name: str
    pid: int
    ticks: int
    started: str
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    children: tuple[Running, ...]


def write(children: Iterable[Running]) -> None:
    file = _file()
    draft = file.with_suffix(".new")
    try:
        draft.write_text(json.dumps([asdict(child) for child in children]))
        os.replace(draft, file)
    except OSError:
        log.warning("could not record what runs", exc_info=True)


def read() -> Served | None:
    """None when `serve` has not written it here, or it cannot be read."""
    try:
        return Served(children=tuple(Running(**child) for child in json.loads(_file().read_text())))
    except (OSError, ValueError, TypeError):
        return None


def _file() -> Path:
    folder: Path = settings.KVMWEB.data_dir / "run"
    return folder / "children.json"
