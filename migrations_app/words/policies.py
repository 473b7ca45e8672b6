"""What a policy does, what a VM's owners agree to, and what the journal says of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kvmweb.web.plain import isolated
from migrations_app.domain.convergence.bounds import NUMBERS, STEP
from migrations_app.domain.convergence.policy import Consent, Consents, LastResort, Policy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from migrations_app.models import PolicyChoice

MOST_NAMED = 3
UNKNOWN = "There is no policy with this name."
#: the consequence of each last resort
LAST = {
    LastResort.ABORT: "When nothing helps, it gives up: the VM stays on its host.",
    LastResort.POST_COPY: "When nothing helps, the VM continues on the destination, and its memory follows: until the"
    " end, losing either host loses what the VM has in memory.",
    LastResort.FINISH: "QEMU may slow the VM's CPUs down. When nothing helps, the VM is paused for as long as the rest"
    " takes.",
    LastResort.THROTTLE: "When nothing helps, the migration starts again, and QEMU may slow the VM's CPUs down.",
}
_LABELS = {
    "name": "name",
    STEP.name: "longer downtimes",
    "last_resort": "last resort",
    "resume_post_copy": "resume post-copy by itself",
    "shadow": "shadow mode",
    **{row.name: f"{row.label[0].lower()}{row.label[1:]}" for row in NUMBERS},
}
_UNITS = {row.name: row.unit for row in (*NUMBERS, STEP)}
CONSENT_LABELS = {Consent.NEVER: "Never", Consent.IF_NEEDED: "If needed", Consent.ALWAYS: "Always"}
#: label, and what it means to agree
CONSENTS = {
    "slow": (
        "Slow its CPUs down",
        "Auto-converge. Never: no policy turns it on. Always: it is on from the start, with every policy.",
    ),
    "pause": (
        "Pause it for longer",
        "Longer than the policy's longest downtime. Never: a policy that would do so gives up instead. Always: it does"
        " so without waiting.",
    ),
    "post_copy": (
        "Use post-copy",
        "Run it at the destination before all its memory is there. Never: a policy that would do so gives up instead."
        " Always: it does so without waiting.",
    ),
}


def quoted(name: str) -> str:
    """In a sentence: names such as "must finish" read like a part of it."""
    return f"“{isolated(name)}”"


def does(policy: Policy) -> str:
    """What it does, in plain sentences."""
    start, top = policy.start_downtime_ms, policy.top_ms
    rises = f" and up to {top:,} ms when copying stalls" if top > start else ""
    shadow = " Shadow mode: it only says what it would do." if policy.shadow else ""
    resumes = " It resumes an interrupted post-copy by itself." if policy.resume_post_copy else ""
    return f"Allows {start:,} ms of downtime{rises}. {LAST[policy.last_resort]}{resumes}{shadow}"


def numbers(policy: Policy) -> str:
    """The rest of it in one line."""
    steps = " → ".join(f"{step:,}" for step in (policy.start_downtime_ms, *policy.ladder_ms))
    longest = duration(policy.deadline_max_s)
    return (
        f"{steps} ms; stalled after {policy.stall_window_s:,} s, patience {policy.patience_s:,} s; at most"
        f" {policy.deadline_s_per_gib:,} s per GiB, and {longest}"
    )


def duration(seconds: int) -> str:
    """ "7 days", "90 s": in the largest unit that it is a whole number of."""
    for size, one, more in ((86_400, "day", "days"), (3600, "hour", "hours"), (60, "minute", "minutes")):
        if seconds % size == 0:
            count = seconds // size
            return f"{count:,} {one if count == 1 else more}"
    return f"{seconds:,} s"


def made(policy: Policy) -> str:
    return f"made the policy {quoted(policy.name)}. {does(policy)}"


def changed(name: str, before: Policy, now: Policy, fields: Mapping[str, Any]) -> str:
    what = (f"{_LABELS[key]} {_value(key, before)} → {_value(key, now)}" for key in _LABELS if key in fields)
    return f"changed the policy {quoted(name)}: {', '.join(what)}."


def removed(name: str) -> str:
    return f"removed the policy {quoted(name)}."


def _value(key: str, policy: Policy) -> str:
    value, unit = getattr(policy, key), _UNITS.get(key, "")
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        value = ", ".join(f"{step:,}" for step in value) or "none"
    elif isinstance(value, int):
        value = f"{value:,}"
    return f"{isolated(str(value))} {unit}".strip()


def chosen(policy: str | None, place: str) -> str:
    """`place`: the VM, the host, or "the installation"."""
    if policy is None:
        return f"removed the policy of {place}."
    return f"chose the policy {quoted(policy)} for {place}."


def as_set(choice: PolicyChoice) -> str:
    """The first choice of a list of policies: the one that counts when none is chosen."""
    return f"As {where(choice)}: {isolated(choice.policy.name)}"


def where(choice: PolicyChoice) -> str:
    return f"set for {'this VM' if choice.guest_id else choice.host or 'the installation'}"


def used_for(choices: Sequence[PolicyChoice]) -> str:
    """Where a policy is set; "" where it is not."""
    places = ["the installation" for one in choices if one.guest_id is None and one.host_id is None]
    places += sorted(str(one.host) for one in choices if one.host_id is not None)
    guests = [isolated(one.guest.name) for one in choices if one.guest is not None]
    places += guests if len(guests) <= MOST_NAMED else [f"{len(guests)} VMs"]
    return f"Set for {', '.join(places)}." if places else ""


def agreed(name: str, before: Consents, now: Consents) -> str:
    pairs = ((label, getattr(before, key), getattr(now, key)) for key, (label, _) in CONSENTS.items())
    what = [
        f"{label}: {CONSENT_LABELS[new].lower()} (before: {CONSENT_LABELS[old].lower()})"
        for label, old, new in pairs
        if old is not new
    ]
    return f"changed what a policy may do to {isolated(name)}. {'; '.join(what)}."
