"""A migration that is started again: inside the transaction that ends the old one, so there is one new one or none."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from migrations_app.domain.convergence.policy import Policy as PolicyData
from migrations_app.domain.convergence.track import Track
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import OPEN, Answer, OrderState
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.domain.orders.restart import ORDER as RESTART
from migrations_app.ledger.orders import answered
from migrations_app.models import Migration, Order, Policy


def start_again(pk: int) -> None:
    """As a user's order wants it, or else its policy, which wants the VM slowed down. A cancel counts more."""
    old = Migration.objects.select_related("source", "target", "requested_by").get(pk=pk)
    if old.orders.filter(what=CANCEL.what).exists():
        return
    order = old.orders.filter(what=RESTART.what, state__in=OPEN).select_related("asked_by").first()
    if order is None:
        _by_policy(old)
    else:
        _by_order(old, order)


def refuse_restart(pk: int) -> None:
    """Inside the transaction after which nobody knows where the VM runs: it must not start by surprise later on."""
    given = RESTART.ended(State.NEEDS_ATTENTION)
    Order.objects.filter(migration=pk, what=RESTART.what, state__in=OPEN).update(**answered(given))


def _by_order(old: Migration, order: Order) -> None:
    policy = Policy.objects.filter(name=order.value).first()
    if policy is None:
        text = f"There is no policy “{isolated(str(order.value))}” any more, so the migration was not started again."
        given = Answer(state=OrderState.REFUSED, text=text)
    else:
        name = isolated(order.asked_by_name)
        new = _start(
            old,
            policy.data,
            f"{name} asked for",
            requested_by=order.asked_by,
            requested_by_name=order.asked_by_name,
            asked_policy=policy.name,
            options=old.options,
        )
        given = Answer(state=OrderState.APPLIED, text=_said(new))
    Order.objects.filter(pk=order.pk, state__in=OPEN).update(**answered(given))


def _by_policy(old: Migration) -> None:
    policy = old.policy_data
    if policy is None:
        return
    _start(
        old,
        policy,
        "The policy asked for",
        requested_by=old.requested_by,
        requested_by_name=old.requested_by_name,
        asked_policy=old.asked_policy,
        options={**old.options, "auto_converge": True},
        track=Track(throttled=True).as_json(),
    )


def _start(old: Migration, policy: PolicyData, who: str, **fields: Any) -> Migration:
    new = Migration.objects.create(
        guest_id=old.guest_id,
        guest_name=old.guest_name,
        source=old.source,
        target=old.target,
        kind=old.kind,
        reason=old.reason,
        lane=old.lane,
        urgent=old.urgent,
        state_since=timezone.now(),
        policy=policy.as_json(),
        restart_of=old,
        **fields,
    )
    throttled = ", slowed down if need be" if new.track else ""
    text = (
        f"{who} this migration of {old.guest_name} from {old.source} to {old.target} instead of migration {old.pk},"
        f" with the policy “{isolated(policy.name)}”{throttled}."
    )
    body = {"state": State.REQUESTED, "request": new.request.as_json(), "policy": new.policy}
    writer.write(
        writer.migration_topic(new.pk), EntryKind.ACTION, text, body=body, actor=new.requested_by, reason=old.reason
    )
    writer.write(writer.migration_topic(old.pk), EntryKind.NOTE, _said(new))
    writer.signal(writer.MIGRATIONS, migration=new.pk)
    enqueue("migrations_app.tasks.run_migration", new.pk, cluster="migrations")
    return new


def _said(new: Migration) -> str:
    return f"Started again as migration {new.pk}, with the policy “{isolated(new.policy['name'])}”."
