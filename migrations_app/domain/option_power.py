"""Options of a VM that is off while it migrates: rows of the table in option_table.py."""

from __future__ import annotations

from migrations_app.domain.kinds import OFF_KINDS, STOP_KINDS
from migrations_app.domain.option import Option, Place, Type

START_AFTER = Option(
    name="start_after",
    type=Type.BOOLEAN,
    default=False,
    label="Start the VM afterwards",
    consequence="kvmweb starts it on the destination when every registered host says that it does not run there.",
    virsh=(),
    kinds=OFF_KINDS - STOP_KINDS,
    place=Place.WITH_KIND,
)

SHUTDOWN_PATIENCE = Option(
    name="shutdown_patience_s",
    type=Type.INTEGER,
    unit="s",
    minimum=10,
    maximum=7_200,
    default=180,
    label="Wait for its shutdown, s",
    consequence="A VM that has not shut down by then runs on, and the migration fails. It is never forced off.",
    bounds="The time to wait for the shutdown must be a whole number from {minimum:,} to {maximum:,} s.",
    virsh=(),
    kinds=STOP_KINDS,
    place=Place.WITH_KIND,
)
