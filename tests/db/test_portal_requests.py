"""A team's request from the wish to the end of its migration."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from approvals.domain.decision import Ballot
from approvals.models import Approval, Rule
from hosts.facts.guest import RunState
from hosts.gateway.port import GatewayError
from hosts.models import Guest, Host, HostGroup
from kvmweb.accounts.models import Grant, Ownership
from migrations_app.domain.gate import Lane
from migrations_app.domain.lifecycle import State
from migrations_app.ledger import start_again
from migrations_app.models import Migration
from migrations_app.usecases.give_order import cancel_migration
from portal.domain.place import NO_HOST
from portal.domain.states import Wish
from portal.models import Blackout, Quota, Request, Storage, Terms
from portal.usecases.withdraw import withdraw
from portal.worker import advance as advancing
from portal.worker import course
from portal.worker import tick as ticking
from tests.db.asking import GIB, Asking, decide, fresh, in_hours, names_nothing, told
from tests.db.moving import LOCAL, Scene, eventually, volume
from tests.fakes.guests import IMAGES, Ending
from tests.policies import built_in_policies

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


@pytest.fixture
def shop(scene: Scene) -> Asking:
    return Asking(scene)


@pytest.fixture
def web(shop: Asking) -> Guest:
    return shop.owns(shop.scene.add_guest())


@pytest.fixture
def rule(shop: Asking) -> Rule:
    made: Rule = Rule.objects.create(name="leads decide", team=shop.team, role="lead")
    return made


# --- the way of most ----------------------------------------------------------------------------------------------------


def test_a_vm_migrates_because_its_team_asked(shop: Asking, web: Guest) -> None:
    row = shop.advance(shop.ask(web, reason="noisy disk"))
    assert (row.state, row.text) == ("queued", "The migration is queued: it begins when there is room.")
    move = row.migration
    assert move is not None
    assert (move.lane, move.kind, move.target.name) == (Lane.PORTAL, "live", "kvm-b")
    assert (move.requested_by, move.reason) == (shop.mia, "noisy disk")
    assert row.plan["target"] == move.target_id
    assert [(one["host"], one["fits"]) for one in row.choice] == [("kvm-b", True), ("kvm-a", False)]
    row = shop.run(row)
    assert row.state == "done"
    assert row.text.startswith("The VM has migrated.")
    assert [text.split(".")[0] for text in told(row)] == [
        "mia asked that web-01 migrates to another host",
        "The migration is queued: it begins when there is room",
        "The VM is migrating",
        "The VM has migrated",
    ]
    assert names_nothing(row)


def test_local_disks_are_copied(shop: Asking) -> None:
    db = shop.owns(shop.scene.add_local_guest())
    row = shop.advance(shop.ask(db))
    assert row.migration is not None
    assert row.migration.kind == "live_storage"
    assert round(row.gib, 3) == round(db.memory_kib / GIB, 3)
    row = shop.run(row)
    assert row.state == "done"
    assert row.gib > db.memory_kib / GIB, "what was copied counts in the quota"


def test_a_vm_that_is_shut_off_migrates_offline(shop: Asking) -> None:
    web = shop.owns(shop.scene.add_guest(state=RunState.SHUTOFF))
    row = shop.advance(shop.ask(web))
    assert row.migration is not None
    assert row.migration.kind == "offline"


def test_local_disks_of_a_vm_that_is_shut_off_are_copied(shop: Asking) -> None:
    db = shop.owns(shop.scene.add_local_guest(state=RunState.SHUTOFF))
    row = shop.advance(shop.ask(db))
    assert row.migration is not None
    assert row.migration.kind == "offline_storage"
    assert shop.run(row).state == "done"


def test_disks_go_to_other_storage_on_the_same_host(shop: Asking) -> None:
    db = shop.owns(shop.scene.add_local_guest())
    shop.pools("testvms", IMAGES, "kvm-a", "kvm-b")
    shop.pools("default", LOCAL, "kvm-a", "kvm-b")
    for name, pool in (("shared", "testvms"), ("local", "default")):
        Storage.objects.create(name=name, pool=pool)
    row = shop.ask(db, Wish.STORAGE, "shared")
    row = shop.advance(row)
    move = row.migration
    assert move is not None, (row.text, row.choice)
    assert (move.kind, move.target.name, move.options["disks"]) == ("storage", "kvm-a", {"vda": {"pool": "testvms"}})
    row = shop.run(row)
    assert (row.state, row.text) == ("done", "The disks of the VM are on shared now."), row.migration
    row = shop.advance(shop.ask(db, Wish.STORAGE, "local"))
    assert (row.state, row.text) == ("failed", "All disks of this VM are on this storage already.")
    row = shop.ask(db, Wish.STORAGE, "shared")
    Storage.objects.all().delete()
    assert shop.advance(row).text == "This storage is not offered any more."


def test_a_site_is_a_group_of_hosts(shop: Asking, web: Guest) -> None:
    c = shop.scene.add_host("kvm-c")
    Host.objects.update(memory_total_kib=8 * GIB, memory_free_kib=6 * GIB)
    HostGroup.objects.create(name="racks", site="Site north").hosts.set([c])
    row = shop.advance(shop.ask(web, Wish.SITE, "Site north"))
    assert row.migration is not None
    assert row.migration.target == c
    shop.scene.run(row.migration)
    assert fresh(row).text.startswith("The VM has migrated to Site north.")


def test_no_host_fits(shop: Asking, web: Guest) -> None:
    Host.objects.update(memory_free_kib=0)
    row = shop.advance(shop.ask(web))
    assert (row.state, row.text, row.migration) == ("failed", NO_HOST, None)
    assert "kvm-b has less free memory than the VM needs." in [one["why"] for one in row.choice]
    assert names_nothing(row)


def test_what_the_check_refuses_is_explained_to_operators(shop: Asking, web: Guest) -> None:
    there = shop.scene.fleet["kvm-b"]
    there.interfaces = []
    row = shop.advance(shop.ask(web))
    assert (row.state, row.text) == ("failed", NO_HOST)
    assert "The preflight check for kvm-b found:" in row.choice[0]["why"] + row.choice[1]["why"]
    assert names_nothing(row)


def test_the_next_host_is_tried(shop: Asking, web: Guest) -> None:
    shop.scene.add_host("kvm-c")
    Host.objects.update(memory_total_kib=8 * GIB, memory_free_kib=6 * GIB)
    shop.scene.fleet["kvm-b"].interfaces = []
    shop.scene.fleet["kvm-c"].volumes.append(volume(f"{IMAGES}/web-01.qcow2"))
    row = shop.advance(shop.ask(web))
    assert row.migration is not None, row.choice
    assert row.migration.target.name == "kvm-c"


# --- how it ends --------------------------------------------------------------------------------------------------------


def test_a_migration_that_fails(shop: Asking, web: Guest, scene: Scene) -> None:
    row = shop.advance(shop.ask(web))
    scene.fleet["kvm-a"].fail("migrate", GatewayError("unsupported configuration on kvm-b: no", code=67))
    row = shop.run(row)
    assert (row.state, row.text) == ("failed", "The VM did not migrate, and is where it was. Operations can read why.")
    assert names_nothing(row)


def test_a_check_right_before_the_start(shop: Asking, web: Guest, scene: Scene) -> None:
    row = shop.advance(shop.ask(web))
    scene.fleet["kvm-b"].interfaces = []
    row = shop.run(row)
    assert row.state == "failed"
    assert row.text.startswith("A check right before the migration found an obstacle.")


def test_operations_cancel_a_running_migration(shop: Asking, web: Guest, scene: Scene, operator: Any) -> None:
    fake = scene.fleet["kvm-a"].guests[str(web.pk)]
    move = scene.script(fake)
    move.go_on.clear()
    row = shop.advance(shop.ask(web))
    assert row.migration is not None
    thread = scene.in_background(scene.run, row.migration)
    eventually(lambda: fresh(row).state == "moving")
    assert fresh(row).text == "The VM is migrating."
    cancel_migration(row.migration, by=operator)
    thread.join(20)
    assert fresh(row).state == "withdrawn"
    assert fresh(row).text == "Operations cancelled the migration. The VM is where it was."


def test_its_team_cancels_its_own_running_migration(shop: Asking, web: Guest, scene: Scene) -> None:
    fake = scene.fleet["kvm-a"].guests[str(web.pk)]
    move = scene.script(fake)
    move.go_on.clear()
    row = shop.advance(shop.ask(web))
    assert row.migration is not None
    thread = scene.in_background(scene.run, row.migration)
    eventually(lambda: fresh(row).state == "moving")
    assert withdraw(fresh(row), by=shop.lea).state == "moving"
    thread.join(20)
    row = fresh(row)
    assert (row.state, row.text) == ("withdrawn", "Withdrawn by lea. The VM is where it was.")


def test_its_team_reads_that_operations_must_look_at_it(shop: Asking, web: Guest, scene: Scene) -> None:
    scene.script(scene.fleet["kvm-a"].guests[str(web.pk)], ending=Ending.CONFIRM_LOST)
    row = shop.run(shop.advance(shop.ask(web)))
    assert row.migration is not None
    assert row.migration.state == State.NEEDS_ATTENTION
    assert row.state == "moving"
    assert row.text == "Something went wrong, and operations must look at it. They can say where the VM stands."
    del scene.fleet["kvm-a"].guests[str(web.pk)]
    scene.adopt(row.migration)
    assert fresh(row).state == "done"


def test_a_migration_that_is_started_again_is_still_the_request(shop: Asking, web: Guest, operator: Any) -> None:
    built_in_policies()
    row = shop.advance(shop.ask(web))
    move = row.migration
    assert move is not None
    move.orders.create(what="restart", value="gentle", asked_by=operator, asked_at=timezone.now(), state="taken")
    with transaction.atomic():
        Migration.objects.filter(pk=move.pk).update(state=State.CANCELLED)
        start_again(move.pk)
        course.ended(move, State.CANCELLED)
    row = fresh(row)
    assert row.migration is not None
    assert (row.state, row.migration.restart_of, row.migration.lane) == ("queued", move, Lane.PORTAL)
    assert shop.run(row).state == "done"


# --- what it waits for --------------------------------------------------------------------------------------------------


def test_it_waits_for_its_time(shop: Asking, web: Guest) -> None:
    row = shop.advance(shop.ask(web, not_before=in_hours(2)))
    assert row.state == "waiting_window"
    assert row.text.startswith("It begins at ")
    assert row.look_at == row.not_before
    assert shop.advance(row, due=False).epoch == row.epoch, "not due"
    Request.objects.filter(pk=row.pk).update(not_before=timezone.now(), look_at=timezone.now())
    assert shop.advance(row).migration is not None


def test_it_waits_for_its_window(shop: Asking, web: Guest) -> None:
    """One that is open when it begins at the earliest is waited for as well."""
    blackout = Blackout.objects.create(name="sale", begins=in_hours(-1), ends=in_hours(4))
    row = shop.advance(shop.ask(web, not_before=in_hours(2)))
    assert row.state == "waiting_window"
    assert row.look_at is not None
    assert abs(row.look_at - blackout.ends) < timedelta(minutes=1)
    assert row.plan, "it was planned all the same"
    blackout.delete()
    Request.objects.filter(pk=row.pk).update(not_before=None)
    assert shop.advance(row).migration is not None


def test_what_the_team_wants_for_the_vm_binds_its_requests(
    shop: Asking, web: Guest, rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    Terms.objects.create(guest=web, downtime_ms=50)
    plan = advancing.make_plan
    monkeypatch.setattr(
        advancing,
        "make_plan",
        lambda *args: replace(plan(*args), forecast={"downtime_high_ms": 400, "high_ms": 9000.0}),
    )
    row = shop.advance(shop.ask(web))
    assert row.state == "failed"
    assert "400 ms" in row.text
    assert not Approval.objects.exists(), "nobody was asked"


def test_it_expires(shop: Asking, web: Guest) -> None:
    row = shop.advance(shop.ask(web, not_before=in_hours(2), not_after=in_hours(3)))
    past = timezone.now() - timedelta(seconds=1)
    Request.objects.filter(pk=row.pk).update(not_before=past, not_after=past, look_at=past)
    row = shop.advance(row)
    assert (row.state, row.migration) == ("expired", None)
    assert row.text == "It could not begin before its latest time. The VM was not touched."


def test_it_expires_in_the_queue_with_its_migration(shop: Asking, web: Guest) -> None:
    row = shop.advance(shop.ask(web, not_after=in_hours(3)))
    assert row.migration is not None
    assert row.look_at == row.not_after
    past = timezone.now() - timedelta(seconds=1)
    Request.objects.filter(pk=row.pk).update(not_after=past, look_at=past)
    row = shop.advance(row)
    assert row.state == "expired"
    assert row.migration is not None
    assert (row.migration.state, row.migration.state_text) == ("cancelled", row.text)


def test_another_migration_of_the_vm_comes_first(shop: Asking, web: Guest, scene: Scene) -> None:
    fake = scene.fleet["kvm-a"].guests[str(web.pk)]
    other = scene.request(fake)
    Migration.objects.filter(pk=other.pk).update(state=State.STARTING)
    row = shop.advance(shop.ask(web))
    assert row.state == "waiting_window"
    assert row.text == "The VM is migrating for operations. This request comes afterwards."
    Migration.objects.filter(pk=other.pk).update(state=State.CANCELLED)
    assert shop.advance(row).migration is not None


def test_who_may_no_longer_ask_gets_nothing(shop: Asking, web: Guest) -> None:
    row = shop.ask(web)
    Grant.objects.filter(user=shop.mia).delete()
    row = shop.advance(row)
    assert (row.state, row.migration) == ("withdrawn", None)
    again = shop.ask(web, by=shop.max)
    Ownership.objects.update(team=None)
    assert shop.advance(again).state == "withdrawn"


# --- quotas -------------------------------------------------------------------------------------------------------------


def test_less_quota_than_when_it_was_asked_for(shop: Asking, web: Guest) -> None:
    row = shop.ask(web)
    Quota.objects.create(team=shop.team, moves_per_day=0)
    row = shop.advance(row)
    assert (row.state, row.migration) == ("waiting_window", None)
    assert "0 of 0 migrations in 24 hours" in row.text
    Quota.objects.update(moves_per_day=1)
    assert shop.advance(row).migration is not None


def test_less_quota_while_the_migration_waits(shop: Asking, web: Guest) -> None:
    row = shop.advance(shop.ask(web))
    Quota.objects.create(team=shop.team, gib_per_day=0)
    row = shop.run(row)
    assert (row.state, row.migration.state) == ("queued", State.QUEUED)  # type: ignore[union-attr]
    assert "quota" in row.migration.state_text  # type: ignore[union-attr]
    Quota.objects.all().delete()
    assert shop.run(row).state == "done"


def test_two_of_a_team_begin_and_the_quota_is_for_one(shop: Asking, web: Guest, scene: Scene) -> None:
    """Both were recorded before either began: the gate counts once more, in the transaction that begins."""
    second = shop.owns(scene.add_guest("web-02"))
    rows = [shop.advance(shop.ask(guest)) for guest in (web, second)]
    Quota.objects.create(team=shop.team, moves_per_day=1)
    assert [shop.run(row).state for row in rows] == ["done", "queued"]


# --- approvals ----------------------------------------------------------------------------------------------------------


def test_it_waits_for_approval(shop: Asking, web: Guest, rule: Rule) -> None:
    row = shop.advance(shop.ask(web))
    assert (row.state, row.text, row.migration) == ("waiting_approval", "It waits for approval.", None)
    asked = Approval.objects.get(subject=f"request:{row.pk}")
    assert (asked.team, asked.asked_by, asked.text) == (shop.team, shop.mia, "web-01 migrates to another host.")
    assert asked.plan["target"] == Host.objects.get(name="kvm-b").pk
    OrmQ.objects.all().delete()
    decide(row, Ballot.APPROVE, by=shop.lea)
    assert OrmQ.objects.count() == 1, "a worker is told at once"
    row = shop.advance(row, due=False)
    assert row.migration is not None
    assert shop.run(row).state == "done"


def test_it_is_denied(shop: Asking, web: Guest, rule: Rule) -> None:
    row = shop.advance(shop.ask(web))
    decide(row, Ballot.DENY, by=shop.lea, comment="not in the week of the sale")
    row = shop.advance(row, due=False)
    assert (row.state, row.text) == ("denied", "Denied by lea: not in the week of the sale")
    assert Request.objects.exclude(pk=row.pk).count() == 0
    assert shop.ask(web).state == "queued", "one may ask again"


def test_nobody_approves_it(shop: Asking, web: Guest, rule: Rule) -> None:
    row = shop.advance(shop.ask(web))
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    row = shop.advance(row)
    assert (row.state, row.text) == ("expired", "Nobody approved it in time. The VM was not touched.")


def test_another_plan_is_asked_again(shop: Asking, web: Guest, rule: Rule, scene: Scene) -> None:
    row = shop.advance(shop.ask(web))
    decide(row, Ballot.APPROVE, by=shop.lea)
    scene.add_host("kvm-c")
    scene.fleet["kvm-c"].volumes.append(volume(f"{IMAGES}/web-01.qcow2"))
    Host.objects.update(memory_total_kib=8 * GIB, memory_free_kib=6 * GIB)
    Host.objects.filter(name="kvm-b").update(contact=Host.Contact.AWAY)
    row = shop.advance(row)
    assert (row.state, row.migration) == ("waiting_approval", None), row.text
    assert Approval.objects.filter(subject=f"request:{row.pk}").count() == 2
    decide(row, Ballot.APPROVE, by=shop.lea)
    row = shop.advance(row)
    assert row.migration is not None
    assert row.migration.target.name == "kvm-c"


def test_the_same_plan_later_needs_no_other_vote(shop: Asking, web: Guest, rule: Rule, scene: Scene) -> None:
    row = shop.advance(shop.ask(web, not_before=in_hours(1)))
    decide(row, Ballot.APPROVE, by=shop.lea)
    scene.add_host("kvm-c")  # empty, but the earlier choice stays
    Host.objects.update(memory_total_kib=8 * GIB, memory_free_kib=6 * GIB)
    row = shop.advance(row)
    assert row.state == "waiting_window"
    Request.objects.filter(pk=row.pk).update(not_before=timezone.now())
    row = shop.advance(row)
    assert row.migration is not None
    assert row.migration.target.name == "kvm-b"
    assert Approval.objects.count() == 1


def test_what_was_withdrawn_needs_no_approval(shop: Asking, web: Guest, rule: Rule) -> None:
    row = shop.advance(shop.ask(web))
    withdraw(row, by=shop.mia)
    assert Approval.objects.get().state == "withdrawn"
    assert shop.advance(row).state == "withdrawn"


def test_twice_the_downtime_is_asked_again(
    shop: Asking, web: Guest, rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, foreseen = advancing.make_plan, {"downtime_high_ms": 100}
    monkeypatch.setattr(advancing, "make_plan", lambda *args: replace(plan(*args), forecast=dict(foreseen)))
    row = shop.advance(shop.ask(web))
    decide(row, Ballot.APPROVE, by=shop.lea)
    foreseen["downtime_high_ms"] = 200
    assert shop.advance(row).state == "waiting_approval"
    decide(row, Ballot.APPROVE, by=shop.lea)
    assert shop.advance(row).migration is not None


# --- the tick -----------------------------------------------------------------------------------------------------------


def test_the_tick_finds_what_is_due(
    shop: Asking, web: Guest, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticking, "_asked", {})
    row = shop.ask(web, not_before=in_hours(2))
    OrmQ.objects.all().delete()
    for _ in range(3):
        ticking.tick()
    assert OrmQ.objects.count() == 1, "once in ten seconds"
    shop.advance(row)
    with django_assert_num_queries(1):
        ticking.tick()
    assert OrmQ.objects.count() == 1


def test_an_end_that_nobody_wanted(shop: Asking, web: Guest, scene: Scene) -> None:
    """The VM arrived although libvirt said that it did not."""
    fake = scene.fleet["kvm-a"].guests[str(web.pk)]
    scene.script(fake, ending=Ending.SAYS_FAILED_BUT_DONE)
    assert shop.run(shop.advance(shop.ask(web))).state == "done"
