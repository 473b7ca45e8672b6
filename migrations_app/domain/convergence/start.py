"""What a policy sets when a migration starts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from migrations_app.domain.convergence.policy import Consent, Consents, LastResort, Policy
from migrations_app.domain.options import OPTION, Options

THROTTLE = "auto_converge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """`options` are those of the call. `throttled`: QEMU may slow the VM down, for the track."""

    options: Options
    throttled: bool


def may_post_copy(policy: Policy | None, consents: Consents) -> bool:
    """Whether it may switch to post-copy, as far as policy and owners say; or would, in shadow mode."""
    if policy is None:
        return False
    return policy.last_resort is LastResort.POST_COPY and consents.post_copy is not Consent.NEVER


def start_options(
    policy: Policy,
    consents: Consents,
    options: Options,
    *,
    chosen: Collection[str] = (),
    again: bool = False,
    post_copy: bool = False,
) -> Start:
    """The options of a migration with this policy. `chosen` are the names of the options that a person gave in the
    request: these stay as they are. `again`: it starts again because the policy decided to slow the VM down.
    `post_copy`: it may switch to post-copy, and the hosts can.

    - The allowed downtime begins with the policy's, unless the request has one.
    - Auto-converge is on when the VM's owners always agree to it (consent "slow"), when the last resort is `finish`,
      and when it starts `again`; never when they never agree, or when it clashes with another option.
    - In shadow mode a policy sets nothing.
    """
    if not policy.shadow:
        if options["max_downtime_ms"] is None:
            options = options.changed(max_downtime_ms=policy.start_downtime_ms)
        if _throttles(policy, consents, again=again) and THROTTLE not in chosen and not _clashes(options):
            options = options.changed(**{THROTTLE: True})
        if post_copy:
            options = options.changed(post_copy=True)
    return Start(options=options, throttled=bool(options[THROTTLE]))


def _throttles(policy: Policy, consents: Consents, *, again: bool) -> bool:
    if consents.slow is Consent.NEVER:
        return False
    return again or consents.slow is Consent.ALWAYS or policy.last_resort is LastResort.FINISH


def _clashes(options: Options) -> bool:
    return any(
        options[name] and (name in OPTION[THROTTLE].conflicts or THROTTLE in OPTION[name].conflicts) for name in options
    )
