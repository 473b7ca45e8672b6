"""Options for what is taken out of a VM before it migrates and put back afterwards: rows of the table in
option_table.py."""

from __future__ import annotations

from migrations_app.domain.kinds import LIVE_KINDS, OFF_KINDS
from migrations_app.domain.option import Group, Option, Type

#: the VM runs before and after
TAKE_OUT_KINDS = LIVE_KINDS - OFF_KINDS

DETACH = Option(
    name="detach",
    type=Type.BOOLEAN,
    default=False,
    label="Detach devices of the source",
    consequence="USB devices, and network devices of a failover team, are detached before the migration and attached"
    " again on the destination. The VM does not have them meanwhile, and runs on without those that the destination"
    " does not have.",
    virsh=(),
    kinds=TAKE_OUT_KINDS,
    group=Group.PARTS,
    rank=1,
)

EJECT = Option(
    name="eject",
    type=Type.BOOLEAN,
    default=False,
    label="Eject CDs that the destination lacks",
    consequence="They are ejected before the migration, and inserted again on the destination if it has them then. The"
    " VM cannot read them meanwhile, and a program that does gets errors. Floppies too. A locked drive is not forced.",
    virsh=(),
    kinds=TAKE_OUT_KINDS,
    group=Group.PARTS,
    rank=2,
)
