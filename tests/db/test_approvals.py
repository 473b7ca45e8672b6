"""Approvals: asked, asked again, voted on, expired; also by two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from approvals import hooks
from approvals.domain.decision import ApprovalState, Ballot
from approvals.domain.plan import Plan
from approvals.models import Approval, Rule, Vote
from approvals.reading.approvals import standing
from approvals.usecases.ask import ask_approvals, withdraw_approvals
from approvals.usecases.vote import CannotVote, PlanChanged, vote
from approvals.worker.expire import tick
from hosts.models import Guest
from kvmweb.accounts import teams
from kvmweb.accounts.models import Ownership, Team
from kvmweb.journal.models import Entry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]

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


# --- voting -------------------------------------------------------------------------------------------------------------


def votes(approval: Approval, by: User, ballot: str = "approve", **changes: Any) -> ApprovalState:
    plan = changes.pop("plan", approval.plan_hash)
    return ApprovalState(vote(approval, Ballot(ballot), by=by, plan=plan, **changes).state)


@pytest.fixture
def decided() -> Iterator[list[tuple[str, str]]]:
    """What others are told."""
    told: list[tuple[str, str]] = []

    def tell(approval: Approval) -> None:
        assert connection.in_atomic_block
        told.append((approval.subject, approval.state))

    hooks.DECIDED.append(tell)
    yield told
    hooks.DECIDED.remove(tell)


def test_a_lead_of_the_team_decides(asks: Any, lea: User, decided: Any) -> None:
    rule()
    (asked,) = asks()
    assert votes(asked, lea, comment="  go ahead ") is ApprovalState.APPROVED
    assert standing(SUBJECT) is ApprovalState.APPROVED
    assert decided == [(SUBJECT, "approved")]
    entry = Entry.objects.get(topic=SUBJECT, text="lea approved it.")
    assert (entry.actor_name, entry.reason) == ("lea", "go ahead")
    with pytest.raises(CannotVote, match="approved already"):
        votes(asked, person("leo", "lead", asked.team))


def test_who_may_vote(asks: Any, mia: User, lea: User, team: Team, admin: Any, operator: Any, viewer: Any) -> None:
    other = person("lou", "lead", teams.create_team("Data", by=admin))
    member = person("max", "member", team)
    rule("a", role="lead", quorum=9)
    rule("b", role="operator", quorum=9)
    rule("c", role="admin", quorum=9)
    asked = {one.role: one for one in asks()}
    may = {"lead": {lea}, "operator": {operator, admin}, "admin": {admin}}
    for role, approval in asked.items():
        for user in (mia, lea, other, member, operator, admin, viewer):
            if user in may[role]:
                assert votes(approval, user) is ApprovalState.OPEN
            else:
                with pytest.raises(PermissionDenied):
                    votes(approval, user)
    assert Vote.objects.count() == 4


def test_nobody_votes_on_the_own_request(asks: Any, lea: User, operator: Any) -> None:
    rule()
    (asked,) = asks(by=lea)
    with pytest.raises(PermissionDenied, match="yourself"):
        votes(asked, lea)


def test_the_team_that_has_the_vm_now_decides(asks: Any, lea: User, guest: Guest, admin: Any) -> None:
    rule()
    (asked,) = asks()
    data = teams.create_team("Data", by=admin)
    Ownership.objects.filter(guest=guest.pk).update(team=data)
    with pytest.raises(PermissionDenied):
        votes(asked, lea)
    assert votes(asked, person("lou", "lead", data)) is ApprovalState.APPROVED


def test_a_quorum_of_different_people_and_one_deny_ends_it(asks: Any, operator: Any, admin: Any, decided: Any) -> None:
    rule(role="operator", quorum=2)
    (asked,) = asks()
    assert votes(asked, operator) is ApprovalState.OPEN
    with pytest.raises(CannotVote, match="voted already"):
        votes(asked, operator)
    assert decided == []
    assert votes(asked, admin, "deny", comment="not today") is ApprovalState.DENIED
    assert standing(SUBJECT) is ApprovalState.DENIED
    assert decided == [(SUBJECT, "denied")]


def test_a_vote_is_for_the_plan_that_was_seen(asks: Any, plan: Plan, operator: Any, admin: Any) -> None:
    rule(role="operator", quorum=2)
    (asked,) = asks()
    votes(asked, operator)
    (again,) = asks(plan=replace(plan, target=3))
    with pytest.raises(PlanChanged) as changed:
        votes(again, admin, plan=asked.plan_hash)
    assert changed.value.plan == again.plan_hash
    assert Vote.objects.count() == 1
    assert votes(again, admin) is ApprovalState.OPEN  # the earlier vote no longer counts
    assert votes(again, operator) is ApprovalState.APPROVED
    assert Approval.objects.get().earlier_plan == plan.as_json()


def test_expiry_means_no(asks: Any, lea: User, decided: Any) -> None:
    rule()
    (asked,) = asks()
    tick()
    assert standing(SUBJECT) is ApprovalState.OPEN
    Approval.objects.update(expires_at=timezone.now())
    with pytest.raises(CannotVote, match="expired"):
        votes(asked, lea)
    tick()
    tick()
    asked.refresh_from_db()
    assert (asked.state, decided) == ("expired", [(SUBJECT, "expired")])
    assert said()[1:] == ["Nobody approved it in time, so it is not approved."]


def test_what_is_withdrawn_takes_no_vote(asks: Any, lea: User, decided: Any) -> None:
    rule()
    (asked,) = asks()
    withdraw_approvals(SUBJECT)
    with pytest.raises(CannotVote, match="no longer wanted"):
        votes(asked, lea)
    assert decided == []


def test_what_fails_in_a_listener_leaves_no_vote(asks: Any, lea: User) -> None:
    """As a kill would: all of it, or nothing."""
    rule()
    (asked,) = asks()

    def fail(approval: Approval) -> None:
        raise RuntimeError("killed")

    hooks.DECIDED.append(fail)
    try:
        with pytest.raises(RuntimeError):
            votes(asked, lea)
    finally:
        hooks.DECIDED.remove(fail)
    asked.refresh_from_db()
    assert (asked.state, Vote.objects.count(), len(said())) == ("open", 0, 1)
    assert votes(asked, lea) is ApprovalState.APPROVED


# --- at the same time ---------------------------------------------------------------------------------------------------


def test_two_votes_at_once_are_both_counted_and_decide_once(asks: Any, operator: Any, admin: Any, decided: Any) -> None:
    rule(role="operator", quorum=2)
    (asked,) = asks()
    together(lambda: votes(asked, operator), lambda: votes(asked, admin))
    assert Vote.objects.count() == 2
    assert standing(SUBJECT) is ApprovalState.APPROVED
    assert decided == [(SUBJECT, "approved")]


def test_the_same_person_twice_at_once_votes_once(asks: Any, operator: Any) -> None:
    rule(role="operator", quorum=2)
    (asked,) = asks()
    results = together(*[lambda: votes(asked, operator)] * 3)
    assert Vote.objects.count() == 1
    assert sum(isinstance(one, CannotVote) for one in results) == 2


def test_yes_and_no_at_once_end_in_one_of_both(asks: Any, operator: Any, admin: Any, decided: Any) -> None:
    rule(role="operator")
    (asked,) = asks()
    together(lambda: votes(asked, operator), lambda: votes(asked, admin, "deny"))
    assert len(decided) == 1
    assert Vote.objects.count() == 1


def test_a_vote_while_it_is_asked_again_counts_for_one_plan_only(asks: Any, plan: Plan, operator: Any) -> None:
    rule(role="operator")
    (asked,) = asks()
    other = replace(plan, target=3)
    together(lambda: asks(plan=other), lambda: votes(asked, operator))
    last = Approval.objects.latest("id")
    assert last.plan_hash == other.hash
    assert last.state == "open"
    assert standing(SUBJECT) is ApprovalState.OPEN
    assert not Vote.objects.filter(plan_hash=other.hash).exists()


def test_a_vote_while_it_is_withdrawn(asks: Any, operator: Any, decided: Any) -> None:
    rule(role="operator")
    (asked,) = asks()
    together(lambda: withdraw_approvals(SUBJECT), lambda: votes(asked, operator))
    asked.refresh_from_db()
    assert (asked.state, len(decided)) in {("withdrawn", 0), ("approved", 1)}
    assert Vote.objects.count() == len(decided)
