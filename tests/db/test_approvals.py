"""Approvals: asked, asked again, voted on, expired; also by two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from approvals.domain.decision import ApprovalState
from approvals.domain.plan import Plan
from approvals.models import Approval, Rule
from approvals.reading.approvals import standing
from approvals.usecases.ask import ask_approvals, withdraw_approvals
from hosts.models import Guest
from kvmweb.accounts import teams
from kvmweb.accounts.models import Ownership, Team
from kvmweb.journal.models import Entry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual, pytest.mark.timeout(60)]

SUBJECT = "request:12"


@pytest.fixture
def team(admin: Any) -> Team:
    return teams.create_team("Shop", by=admin)


@pytest.fixture
def guest(team: Team) -> Guest:
    made: Guest = Guest.objects.create(uuid=uuid4(), name="web-01")
    Ownership.objects.create(guest=made.pk, team=team)
    return made


def person(name: str, role: str, team: Team | None = None) -> User:
    user = User.objects.create_user(name)
    user.grants.create(role=role, scope=team.scope if team else "")
    return user


@pytest.fixture
def mia(team: Team) -> User:
    return person("mia", "member", team)


@pytest.fixture
def lea(team: Team) -> User:
    return person("lea", "lead", team)


@pytest.fixture
def plan(guest: Guest) -> Plan:
    return Plan(guest=str(guest.pk), kind="live", source=1, target=2, findings=(("cpu", "passed"),))


@pytest.fixture
def asks(guest: Guest, team: Team, mia: User, plan: Plan) -> Callable[..., list[Approval]]:
    def ask(**changes: Any) -> list[Approval]:
        given = {
            "subject": SUBJECT, "plan": plan, "guest": guest, "team": team, "by": mia, "text": "Migrate web-01 away",
            "downtime_ms": 100, "reason": "new disks",
        }  # fmt: skip
        return ask_approvals(**{**given, **changes})

    return ask


def rule(name: str = "Lead agrees", **changes: Any) -> Rule:
    made: Rule = Rule.objects.create(**{"name": name, "role": "lead", **changes})
    return made


def said() -> list[str]:
    return list(Entry.objects.filter(topic=SUBJECT).order_by("id").values_list("text", flat=True))


def together(*calls: Callable[[], Any]) -> list[Any]:
    """The results, or the exceptions, of calls that begin at the same time."""
    gate, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            gate.wait()
            results[place] = call()
        except Exception as error:
            results[place] = error  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# --- asking -------------------------------------------------------------------------------------------------------------


def test_without_a_rule_nothing_is_asked(asks: Any) -> None:
    rule("Storage", kind="storage")
    assert asks() == []
    assert standing(SUBJECT) is None


def test_every_rule_that_matches_asks(asks: Any, team: Team, plan: Plan) -> None:
    rule()
    rule("Slow ones", downtime_ms=50, role="operator", quorum=2, expires_hours=1)
    rule("Others", team=teams.create_team("Data", by=User.objects.get(username="anna")))
    first, second = sorted(asks(), key=lambda one: one.rule)
    assert (first.rule, first.role, first.quorum, first.plan_hash) == ("Lead agrees", "lead", 1, plan.hash)
    assert (second.rule, second.role, second.quorum) == ("Slow ones", "operator", 2)
    assert second.expires_at - second.created_at < timedelta(hours=1, seconds=5)
    assert standing(SUBJECT) is ApprovalState.OPEN
    assert said() == [
        "Waits for approval by a lead of the VM's team: Lead agrees.",
        "Waits for approval by 2 operators: Slow ones.",
    ]


def test_the_same_plan_is_asked_once(asks: Any) -> None:
    rule()
    (first,) = asks()
    (again,) = asks(downtime_ms=150)
    assert (again.pk, again.plan_hash, again.downtime_ms) == (first.pk, first.plan_hash, 100)
    assert len(said()) == 1


def test_another_plan_gets_a_new_hash(asks: Any, plan: Plan) -> None:
    rule()
    (first,) = asks()
    (again,) = asks(plan=replace(plan, target=3), text="Migrate web-01 elsewhere")
    assert (again.pk, again.plan_hash) == (first.pk, replace(plan, target=3).hash)
    assert again.text == "Migrate web-01 elsewhere"
    assert said()[-1] == "The plan has changed: a lead of the VM's team must approve it as it is now."


def test_what_was_asked_stays_asked_when_its_rule_is_gone(asks: Any, plan: Plan) -> None:
    made = rule()
    asks()
    made.delete()
    (again,) = asks(plan=replace(plan, target=3))
    assert again.plan_hash == replace(plan, target=3).hash


def test_an_approved_plan_that_changes_is_asked_anew(asks: Any, plan: Plan) -> None:
    rule()
    (first,) = asks()
    Approval.objects.update(state=ApprovalState.APPROVED)
    assert asks()[0].pk == first.pk
    assert standing(SUBJECT) is ApprovalState.APPROVED
    (again,) = asks(downtime_ms=200)
    assert again.pk != first.pk
    assert again.plan_hash not in (first.plan_hash, plan.hash)
    assert standing(SUBJECT) is ApprovalState.OPEN


@pytest.mark.parametrize("end", [ApprovalState.DENIED, ApprovalState.EXPIRED])
def test_a_no_is_not_asked_again(asks: Any, plan: Plan, end: ApprovalState) -> None:
    rule()
    asks()
    Approval.objects.update(state=end)
    asks(plan=replace(plan, target=3))
    assert Approval.objects.count() == 1
    assert standing(SUBJECT) is end


def test_one_no_counts_more_than_what_is_open(asks: Any) -> None:
    rule()
    rule("Operators")
    asks()
    Approval.objects.filter(rule="Operators").update(state=ApprovalState.DENIED)
    assert standing(SUBJECT) is ApprovalState.DENIED
    Approval.objects.filter(rule="Operators").update(state=ApprovalState.APPROVED)
    assert standing(SUBJECT) is ApprovalState.OPEN


def test_withdrawn_ones_are_no_yes_and_can_be_asked_again(asks: Any) -> None:
    rule()
    (first,) = asks()
    withdraw_approvals(SUBJECT)
    withdraw_approvals(SUBJECT)
    assert standing(SUBJECT) is ApprovalState.WITHDRAWN
    assert said()[1:] == ["It needs no approval any more."]
    assert asks()[0].pk != first.pk
    assert standing(SUBJECT) is ApprovalState.OPEN


def test_expiry_counts_before_anybody_writes_it_down(asks: Any) -> None:
    rule()
    asks()
    Approval.objects.update(expires_at=timezone.now())
    assert standing(SUBJECT) is ApprovalState.EXPIRED


def test_two_who_ask_at_once_make_one(asks: Any) -> None:
    rule()
    results = together(asks, asks, asks)
    assert [one[0].pk for one in results] == [Approval.objects.get().pk] * 3
