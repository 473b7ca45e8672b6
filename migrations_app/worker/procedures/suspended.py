"""Suspended: libvirt's migration without VIR_MIGRATE_LIVE. libvirt pauses the guest, and resumes it also when kvmweb
has died: nothing is suspended by kvmweb, and no adopter has anything to resume."""

from __future__ import annotations

from migrations_app.domain.kinds import Kind
from migrations_app.worker.procedure import Procedure
from migrations_app.worker.procedures.live import Live

PROCEDURES: dict[Kind, Procedure] = {Kind.SUSPENDED: Live()}
