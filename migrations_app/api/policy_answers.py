"""The API's responses about policies."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema

from migrations_app.api.texts import ActText, LastResortText
from migrations_app.models import PolicyChoice


class PolicyOut(Schema):
    """The allowed downtime begins with `start_downtime_ms` and rises along `ladder_ms` while copying stalls: no pass
    has left less to copy for `stall_window_s`. After the last one it waits `patience_s`, then comes `last_resort`. It
    also comes after `deadline_s_per_gib` for each GiB of memory and copied disks, at the latest after `deadline_max_s`.
    `resume_post_copy`: one that was interrupted is resumed as soon as that is possible, without an order.
    `shadow`: the policy says what it would do, and does nothing. `built_in`: it comes with kvmweb and keeps its
    name."""

    name: str
    built_in: bool
    start_downtime_ms: int
    ladder_ms: list[int]
    stall_window_s: int
    patience_s: int
    deadline_s_per_gib: int
    deadline_max_s: int
    last_resort: LastResortText
    resume_post_copy: bool
    shadow: bool


class PolicyChoiceOut(Schema):
    """The `policy` of migrations that name none: of one VM (`guest`), of all from `host`, or of all (both null).
    `policy` null: none is set there."""

    guest: UUID | None
    guest_name: str | None
    host: str | None
    host_id: int | None
    policy: str | None

    @staticmethod
    def resolve_guest(row: PolicyChoice) -> UUID | None:
        return row.guest_id

    @staticmethod
    def resolve_guest_name(row: PolicyChoice) -> str | None:
        return row.guest.name if row.guest else None

    @staticmethod
    def resolve_host(row: PolicyChoice) -> str | None:
        return row.host.name if row.host else None

    @staticmethod
    def resolve_policy(row: PolicyChoice) -> str | None:
        return row.policy.name if row.policy_id else None


class DecisionOut(Schema):
    """`applied`: libvirt has taken it; in shadow mode it never does. `numbers`: what the decision was based on."""

    at: datetime
    action: ActText
    applied: bool
    text: str
    numbers: dict[str, int | None]
