"""What the queue runs. Each takes a primary key (and what was seen of the row); a second delivery does nothing."""

from __future__ import annotations

from migrations_app.worker import adopt_migration as adopting
from migrations_app.worker import delete_copy as deleting
from migrations_app.worker import examine as examining
from migrations_app.worker import measure_path as measuring
from migrations_app.worker import run_migration as running
from migrations_app.worker import run_preflight as checking


def run_migration(pk: int) -> None:
    running.run_migration(pk)


def adopt_migration(pk: int, epoch: int | None = None, heartbeat: int | None = None) -> None:
    adopting.adopt_migration(pk, epoch=epoch, heartbeat=heartbeat)


def run_preflight(pk: int) -> None:
    checking.run_preflight(pk)


def delete_copy(pk: int) -> None:
    deleting.delete_copy(pk)


def examine(pk: int) -> None:
    examining.examine(pk)


def set_clock(pk: int) -> None:
    examining.set_clock(pk)


def measure_path(pk: int, epoch: int) -> None:
    measuring.measure_path(pk, epoch)
