"""libvirt has one limit for disks and memory, so the limit of the disks is replaced when memory starts: once, so that
whoever changes it by hand later is not overruled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hosts.calls.steer import LimitBandwidth
from hosts.gateway.port import GatewayError
from kvmweb.steps import NotDone, Steps, Written
from migrations_app.models.migration import SET_SPEED
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSpeed:
    """`about`: "mib", the new limit in MiB/s, 0 for none."""

    held: Held
    host: SteadyConnection
    about: dict[str, Any]

    @property
    def name(self) -> str:
        return SET_SPEED

    @property
    def gone(self) -> str:
        """Nothing that can be gone: what libvirt has taken is not asked again."""
        return ""

    def do(self) -> None:
        try:
            self.host.call(lambda c: c.set_limit(self.held.guest, LimitBandwidth(self.about["mib"])))
        except GatewayError as error:
            raise NotDone(error.message, certain=not error.unanswered) from error

    def verify(self, written: Written) -> dict[str, Any] | None:
        """libvirt's answer is the evidence. To set it a second time does no harm."""
        return {"taken": True} if written.sure else None

    def undo(self, written: Written) -> bool:
        """What it was before is put back when the migration ends at the source (watch/limits.py)."""
        return True


def set_speed(held: Held, source: SteadyConnection, mib: int) -> None:
    """When it could not be done, the next look tries again."""
    step = SetSpeed(held=held, host=source, about={"mib": mib})
    if any(written.step == step.name and written.evidence for written in held.read()):
        return
    try:
        Steps(held).go([step])
    except NotDone:
        return
    limit = f"is limited to {mib:,} MiB/s" if mib else "is not limited"
    held.note(f"The disks are copied. Memory {limit}.")
