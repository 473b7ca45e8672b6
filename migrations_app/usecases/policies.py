"""An admin makes, changes and removes policies. A migration that was requested before keeps its policy as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import IntegrityError, transaction

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app.domain.convergence.bounds import BadPolicy, check
from migrations_app.domain.convergence.policy import Policy as PolicyData
from migrations_app.models import Policy, PolicyChoice
from migrations_app.usecases.errors import PolicyStays, RequestRefused
from migrations_app.words import policies as words

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_TAKEN = "Another policy has this name."


class PolicyFields(TypedDict, total=False):
    """What an admin may set, see domain.convergence.policy; what is left out stays, or is as in `gentle`."""

    name: str
    start_downtime_ms: int
    ladder_ms: tuple[int, ...]
    stall_window_s: int
    patience_s: int
    deadline_s_per_gib: int
    deadline_max_s: int
    last_resort: str
    resume_post_copy: bool
    shadow: bool


def policy_called(name: str) -> Policy:
    """Raises RequestRefused."""
    found: Policy | None = Policy.objects.filter(name=name).first()
    if found is None:
        raise RequestRefused("policy", words.UNKNOWN)
    return found


def make_policy(fields: PolicyFields, *, by: User, reason: str = "") -> Policy:
    """Raises PermissionDenied, RequestRefused."""
    require(by, Right.MANAGE_POLICIES)
    wanted = _checked(PolicyData(name=""), fields)
    try:
        with transaction.atomic():
            _refuse_twins(wanted.name)
            policy: Policy = Policy.objects.create(**wanted.as_json())
            _tell(by, words.made(wanted), reason, wanted.as_json())
    except IntegrityError:
        raise RequestRefused("name", _TAKEN) from None
    return policy


def change_policy(policy: Policy, changes: PolicyFields, *, by: User, reason: str = "") -> Policy:
    """Change the fields given, keep the others, also those that somebody else has just changed.

    Raises PermissionDenied, RequestRefused, Policy.DoesNotExist (it has just been removed).
    """
    require(by, Right.MANAGE_POLICIES, policy)
    try:
        with transaction.atomic():
            row: Policy = Policy.objects.select_for_update().get(pk=policy.pk)
            before = row.data
            now = _checked(before, changes)
            if row.built_in and now.name != before.name:
                raise RequestRefused("name", "A policy that comes with kvmweb keeps its name.")
            old = before.as_json()
            changed = {key: value for key, value in now.as_json().items() if value != old[key]}
            if not changed:
                return row
            _refuse_twins(now.name, but=row)
            for key, value in changed.items():
                setattr(row, key, value)
            row.save(update_fields=list(changed))
            _tell(by, words.changed(before.name, before, now, changed), reason, changed)
    except IntegrityError:
        raise RequestRefused("name", _TAKEN) from None
    return row


def remove_policy(policy: Policy, *, by: User, reason: str = "") -> None:
    """One that nothing uses. Raises PermissionDenied, PolicyStays."""
    require(by, Right.MANAGE_POLICIES, policy)
    with transaction.atomic():
        row = Policy.objects.select_for_update().filter(pk=policy.pk).first()
        if row is None:  # somebody else was faster
            return
        if row.built_in:
            raise PolicyStays("A policy that comes with kvmweb cannot be removed.")
        users = PolicyChoice.objects.filter(policy=row).select_related("guest", "host")
        if used := [str(choice.guest or choice.host or "the installation") for choice in users[:3]]:
            raise PolicyStays(f"It is still the policy of {isolated(', '.join(used))}. Choose another one there first.")
        row.delete()
        _tell(by, words.removed(policy.name), reason, {})


def _checked(base: PolicyData, fields: PolicyFields) -> PolicyData:
    given: dict[str, Any] = dict(fields)
    if "name" in given:
        given["name"] = given["name"].strip()
    if "ladder_ms" in given:
        given["ladder_ms"] = tuple(given["ladder_ms"])
    try:
        made = PolicyData.from_json({**base.as_json(), **given})
        check(made)
    except BadPolicy as bad:
        raise RequestRefused(bad.field, str(bad)) from None
    return replace(made, built_in=base.built_in)


def _refuse_twins(name: str, *, but: Policy | None = None) -> None:
    others = Policy.objects.exclude(pk=but.pk) if but else Policy.objects.all()
    if others.filter(name__iexact=name).exists():
        raise RequestRefused("name", _TAKEN)


def _tell(by: User, did: str, reason: str, body: dict[str, Any]) -> None:
    text = f"{isolated(by.get_username())} {did}"
    writer.write(writer.POLICIES, EntryKind.ACTION, text, body=body, actor=by, reason=reason)
    writer.signal(writer.INVENTORY, hosts=[], guests=[])  # pages of hosts and VMs say what it does
