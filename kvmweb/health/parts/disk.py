"""The disk of the data folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from django.conf import settings

from kvmweb.health.row import Row, State
from kvmweb.ui.units import size

_LITTLE_BYTES = 2**30
_TOO_LITTLE_BYTES = 100 * 2**20


def rows() -> Iterator[Row]:
    disk = shutil.disk_usage(settings.KVMWEB.data_dir)
    yield space(disk.free, disk.total)


def space(free: int, total: int) -> Row:
    """Bytes."""
    state = State.BAD if free < _TOO_LITTLE_BYTES else State.WARNING if free < _LITTLE_BYTES else State.WELL
    return Row("Disk space", state, f"{size(free)} of {size(total)} are free where kvmweb keeps its data.")
