"""What an admin may set in a policy: one row per number, and what a policy as a whole must be."""

from __future__ import annotations

from dataclasses import dataclass

from migrations_app.domain.convergence.policy import Policy
from migrations_app.domain.names import name_problem

#: characters of a name
LONGEST_NAME = 63
MOST_STEPS = 20
#: libvirt takes no longer downtime
_LONGEST_DOWNTIME = 2_000_000
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """`label` and `consequence` are for the page; `said` is what is said of a number out of its bounds."""

    name: str
    label: str
    unit: str
    minimum: int
    maximum: int
    consequence: str
    said: str

    @property
    def out_of_bounds(self) -> str:
        return self.said.format(minimum=self.minimum, maximum=self.maximum)

    def allows(self, number: int) -> bool:
        return self.minimum <= number <= self.maximum


START = Bounds(
    name="start_downtime_ms",
    label="Downtime at the start",
    unit="ms",
    minimum=1,
    maximum=_LONGEST_DOWNTIME,
    consequence="How long the VM may be paused at the switchover, as long as copying does not stall.",
    said="The downtime at the start must be a whole number from {minimum:,} to {maximum:,} ms.",
)
STEP = Bounds(
    name="ladder_ms",
    label="Longer downtimes",
    unit="ms",
    minimum=1,
    maximum=_LONGEST_DOWNTIME,
    consequence="Allowed one after the other, each when copying has stalled. The last one is the longest.",
    said="Each longer downtime must be a whole number from {minimum:,} to {maximum:,} ms.",
)
NUMBERS = (
    START,
    Bounds(
        name="stall_window_s",
        label="Stalled after",
        unit="s",
        minimum=1,
        maximum=3600,
        consequence="No pass has left less to copy for so long: then the next longer downtime is allowed.",
        said="The time after which copying counts as stalled must be a whole number from {minimum:,} to {maximum:,} s.",
    ),
    Bounds(
        name="patience_s",
        label="Patience",
        unit="s",
        minimum=0,
        maximum=_DAY,
        consequence="So long it waits with the longest downtime for a better pass, before the last resort.",
        said="The patience must be a whole number from {minimum:,} to {maximum:,} s.",
    ),
    Bounds(
        name="deadline_s_per_gib",
        label="Time per GiB",
        unit="s",
        minimum=1,
        maximum=_DAY,
        consequence="For each GiB of memory and copied disks. When this is over, the last resort comes at once.",
        said="The time per GiB must be a whole number from {minimum:,} to {maximum:,} s.",
    ),
    Bounds(
        name="deadline_max_s",
        label="Longest time",
        unit="s",
        minimum=60,
        maximum=30 * _DAY,
        consequence="The last resort comes no later than this, however large the VM is. A day has 86,400 s.",
        said="The longest time must be a whole number from {minimum:,} to {maximum:,} s.",
    ),
)

BOUNDS = {row.name: row for row in (*NUMBERS, STEP)}


class BadPolicy(ValueError):
    """No policy is like this. `field` names the part, the message is for a user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check(policy: Policy) -> None:
    """Raises BadPolicy."""
    if problem := name_of_policy_problem(policy.name):
        raise BadPolicy("name", problem)
    for row in NUMBERS:
        if not row.allows(getattr(policy, row.name)):
            raise BadPolicy(row.name, row.out_of_bounds)
    _check_ladder(policy)


def name_of_policy_problem(name: str) -> str:
    if not name:
        return "Enter a name."
    if len(name) > LONGEST_NAME:
        return f"The name is longer than {LONGEST_NAME} characters."
    return name_problem("The name", name, longest=4 * LONGEST_NAME)


def _check_ladder(policy: Policy) -> None:
    steps = policy.ladder_ms
    if len(steps) > MOST_STEPS:
        raise BadPolicy(STEP.name, f"There are more than {MOST_STEPS} longer downtimes.")
    if not all(map(STEP.allows, steps)):
        raise BadPolicy(STEP.name, STEP.out_of_bounds)
    if any(later <= step for step, later in zip((policy.start_downtime_ms, *steps), steps, strict=False)):
        words = "Each longer downtime must be longer than the one before it, and the first longer than at the start."
        raise BadPolicy(STEP.name, words)
