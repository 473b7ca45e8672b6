"""What a policy sets when its migration begins, and what it knows then: what the VM's owners agree to, and what earlier
migrations between these hosts taught."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import Any

from hosts.models import Guest, Host
from migrations_app.domain.convergence.policy import Consents, Policy
from migrations_app.domain.convergence.start import Start, may_post_copy, start_options
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.kinds import KIND, RUNNING_KINDS
from migrations_app.domain.lifecycle import State
from migrations_app.domain.options import OPTION, Options
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.post_copy import CHECKS_OF_POST_COPY
from migrations_app.domain.preflight.report import Report
from migrations_app.domain.progress import Progress
from migrations_app.domain.request import MigrationRequest
from migrations_app.models import GuestConsent, Migration, PolicyChoice
from migrations_app.models import Policy as Policies

#: so many of the last migrations are asked
_LAST = 5


def first_track(row: Migration, report: Report) -> dict[str, Any]:
    """As it is stored, part of the write-ahead record; {} without a policy."""
    policy = row.policy_data
    if policy is None:
        return {}
    consents = _agreed(row.guest)
    post_copy = would_post_copy(row) and not any(
        finding.check in CHECKS_OF_POST_COPY and finding.severity is not Severity.PASSED for finding in report.findings
    )
    track = replace(row.track_data, consents=consents, extra_ms=extra_ms(row), post_copy=post_copy)
    return replace(track, throttled=_start(row, policy, track).throttled).as_json()


def would_post_copy(row: Migration) -> bool:
    """Whether its policy may switch to post-copy, if the hosts can."""
    return may_switch(row.request, row.policy_data, row.guest)


def may_switch(request: MigrationRequest, policy: Policy | None, guest: Guest) -> bool:
    """The same of a migration with this request and policy."""
    return request.kind in OPTION["post_copy"].kinds and may_post_copy(policy, _agreed(guest))


def policy_asked_for(request: MigrationRequest, guest: Guest, source: Host) -> Policy | None:
    """The one that a migration with this request would have now."""
    if not KIND[request.kind].has_policy:
        return None
    named = Policies.objects.filter(name=request.policy).first() if request.policy else None
    found = named or PolicyChoice.objects.in_effect(guest=guest, source=source).policy
    return found.data


def _agreed(guest: Guest) -> Consents:
    agreed = GuestConsent.objects.filter(guest=guest).first()
    return agreed.data if agreed else Consents()


def options_in_effect(row: Migration) -> Options:
    """Those of the request, and what the policy adds to them."""
    policy = row.policy_data
    return row.request.options if policy is None else _start(row, policy, row.track_data).options


def _start(row: Migration, policy: Policy, track: Track) -> Start:
    options = row.request.options
    return start_options(
        policy,
        track.consents,
        options,
        chosen=options.unusual(),
        again=track.throttled,
        post_copy=track.post_copy,
    )


def extra_ms(row: Migration) -> int:
    """How much longer than foreseen the pause was between these hosts, usually; 0 while that is not known."""
    usual = Migration.objects.filter(
        source=row.source_id,
        target=row.target_id,
        kind__in=sorted(RUNNING_KINDS),
        state=State.DONE,
        downtime_ms__isnull=False,
        was_paused=False,
        suspended=False,
        paused_by_policy=False,
    )
    found = []
    for downtime, told in usual.order_by("-id").values_list("downtime_ms", "progress")[:_LAST]:
        foreseen = _foreseen(Progress.from_json(told))
        if foreseen is not None:
            found.append(max(downtime - foreseen, 0))
    return round(median(found)) if found else 0


def _foreseen(last: Progress) -> int | None:
    """libvirt switched over when it expected no longer pause than it was allowed."""
    needed, allowed = last.needed_downtime_ms, last.allowed_downtime_ms
    if needed is None:
        return None
    return needed if allowed is None else min(needed, allowed)
