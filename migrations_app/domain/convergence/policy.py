"""A policy: how far a migration may go to reach its end. Data, edited by admins; four come with kvmweb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any


class LastResort(StrEnum):
    """What a policy does when nothing else has helped.

    `abort`: the VM stays at the source. `post_copy`: it goes on at the destination, and its memory follows. `finish`:
    it is paused until the rest is copied. `throttle`: the migration starts again, and QEMU slows the VM's CPUs down.
    """

    ABORT = "abort"
    POST_COPY = "post_copy"
    FINISH = "finish"
    THROTTLE = "throttle"


class Consent(StrEnum):
    """Whether a policy may do something to one VM."""

    NEVER = "never"
    IF_NEEDED = "if_needed"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """What a VM's owners agree to: that its CPUs are slowed down, that it is paused for longer than the policy's ladder
    allows, that it runs at the destination before its memory is there."""

    slow: Consent = Consent.IF_NEEDED
    pause: Consent = Consent.IF_NEEDED
    post_copy: Consent = Consent.IF_NEEDED

    def as_json(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Consents:
        return cls(**{field.name: Consent(stored[field.name]) for field in fields(cls) if field.name in stored})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Milliseconds, seconds, and seconds per GiB of memory and copied disks.

    The allowed downtime begins with `start_downtime_ms` and rises along `ladder_ms` while passes stall: the newest one
    has not clearly less to copy than the best one of more than `stall_window_s` before. The policy acts at a pass that
    is about as good as the best; when none comes within `patience_s`, anyway. As long it waits at the top of the
    ladder, then comes the last resort. It also comes when the migration takes longer than `deadline_s_per_gib`, or than
    `deadline_max_s`. `resume_post_copy`: one that was interrupted is resumed as soon as that is possible. `shadow`: it
    says what it would do, and does nothing.
    """

    name: str
    built_in: bool = False
    start_downtime_ms: int = 100
    ladder_ms: tuple[int, ...] = (150, 200, 300, 400, 500)
    stall_window_s: int = 40
    patience_s: int = 40
    deadline_s_per_gib: int = 800
    deadline_max_s: int = 604_800
    last_resort: LastResort = LastResort.ABORT
    resume_post_copy: bool = False
    shadow: bool = False

    @property
    def top_ms(self) -> int:
        """The longest downtime that the ladder allows."""
        return max((self.start_downtime_ms, *self.ladder_ms))

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ladder_ms": list(self.ladder_ms), "last_resort": str(self.last_resort)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Policy:
        """Also of an older release, which lacks a field."""
        known = {field.name: stored[field.name] for field in fields(cls) if field.name in stored}
        made = cls(**known)
        return replace(made, ladder_ms=tuple(made.ladder_ms), last_resort=LastResort(made.last_resort))


GENTLE = Policy(name="gentle", built_in=True)
LARGE_VM = Policy(
    name="large VM",
    built_in=True,
    start_downtime_ms=300,
    ladder_ms=(400, 500, 700, 1000, 1500),
)
MUST_FINISH = Policy(
    name="must finish",
    built_in=True,
    stall_window_s=5,
    patience_s=5,
    last_resort=LastResort.FINISH,
)
POST_COPY = Policy(
    name="post-copy",
    built_in=True,
    ladder_ms=(150, 200),
    stall_window_s=10,
    patience_s=10,
    last_resort=LastResort.POST_COPY,
    resume_post_copy=True,
)
#: the installation begins with the first
BUILT_IN = (GENTLE, LARGE_VM, MUST_FINISH, POST_COPY)
