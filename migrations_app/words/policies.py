"""What a policy does, what a VM's owners agree to, and what the journal says of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kvmweb.web.plain import isolated
from migrations_app.domain.convergence.bounds import NUMBERS, STEP
from migrations_app.domain.convergence.policy import Consent, Consents, LastResort, Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrations_app.models import PolicyChoice

UNKNOWN = "There is no policy with this name."
#: each continues "Then"
_LAST = {
    LastResort.ABORT: "it gives up: the VM stays on its host.",
    LastResort.POST_COPY: "the VM goes on at the destination while the rest of its memory follows.",
    LastResort.FINISH: "the VM is paused until the rest is copied.",
    LastResort.THROTTLE: "the migration starts again, and QEMU slows the VM's CPUs down.",
}
_LABELS = {
    "name": "name",
    STEP.name: "longer downtimes",
    "last_resort": "last resort",
    "shadow": "shadow mode",
    **{row.name: f"{row.label[0].lower()}{row.label[1:]}" for row in NUMBERS},
}
_UNITS = {row.name: row.unit for row in (*NUMBERS, STEP)}
CONSENT_LABELS = {Consent.NEVER: "Never", Consent.IF_NEEDED: "If needed", Consent.ALWAYS: "Always"}
#: each continues "A policy may"
_CONSENTS = {
    "slow": "slow its CPUs down",
    "pause": "pause it for longer than planned",
    "post_copy": "use post-copy",
}


def does(policy: Policy) -> str:
    """What it does, in plain sentences."""
    start, top = policy.start_downtime_ms, policy.top_ms
    rises = f" and up to {top:,} ms when copying stalls" if top > start else ""
    shadow = " Shadow mode: it only says what it would do." if policy.shadow else ""
    return f"Allows {start:,} ms of downtime{rises}. Then {_LAST[policy.last_resort]}{shadow}"


def made(policy: Policy) -> str:
    return f"made the policy {isolated(policy.name)}. {does(policy)}"


def changed(name: str, before: Policy, now: Policy, fields: Mapping[str, Any]) -> str:
    what = (f"{_LABELS[key]} {_value(key, before)} → {_value(key, now)}" for key in _LABELS if key in fields)
    return f"changed the policy {isolated(name)}: {', '.join(what)}."


def removed(name: str) -> str:
    return f"removed the policy {isolated(name)}."


def _value(key: str, policy: Policy) -> str:
    value, unit = getattr(policy, key), _UNITS.get(key, "")
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        value = ", ".join(f"{step:,}" for step in value) or "none"
    elif isinstance(value, int):
        value = f"{value:,}"
    return f"{isolated(str(value))} {unit}".strip()


def chosen(policy: str | None, where: str) -> str:
    """`where`: the VM, the host, or "the installation"."""
    if policy is None:
        return f"removed the policy of {where}."
    return f"chose the policy {isolated(policy)} for {where}."


def set_by(choice: PolicyChoice | None, name: str) -> str:
    """Where the policy of a VM called `name` comes from."""
    if choice is not None and choice.guest_id is not None:
        return f"for {isolated(name)}"
    if choice is not None and choice.host is not None:
        return f"for {choice.host}"
    return "for the installation"


def agreed(name: str, before: Consents, now: Consents) -> str:
    pairs = ((words, getattr(before, key), getattr(now, key)) for key, words in _CONSENTS.items())
    what = [
        f"{words[0].upper()}{words[1:]}: {CONSENT_LABELS[new].lower()} (before: {CONSENT_LABELS[old].lower()})"
        for words, old, new in pairs
        if old is not new
    ]
    return f"changed what a policy may do to {isolated(name)}. {'; '.join(what)}."
