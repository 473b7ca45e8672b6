"""When migrations of teams start, and when those of operations wait for a team."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from hosts.models import Guest
from kvmweb.accounts.models import Team
from kvmweb.journal.models import Entry
from kvmweb.web.plain import bare
from migrations_app.domain.gate import Go, Refuse, Wait
from migrations_app.domain.request import make_request
from migrations_app.models import Migration
from migrations_app.usecases.errors import RequestRefused
from migrations_app.usecases.request_migration import request_migration
from portal.models import Blackout, Delay, Request, Terms, Window
from portal.reading.times import may_start
from portal.words.times import NO_TIME, UNREADABLE
from tests.db.asking import Asking, fresh, in_hours, names_nothing
from tests.db.moving import Scene

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]
HOUR_MS = 3_600_000.0


@pytest.fixture
def shop(scene: Scene) -> Asking:
    return Asking(scene)


@pytest.fixture
def web(shop: Asking) -> Guest:
    return shop.owns(shop.scene.add_guest())


def window(hours: float = 3, *, team: Team | None = None, minutes: int = 120) -> Window:
    """Opens in so many hours, each day."""
    at = in_hours(hours)
    made: Window = Window.objects.create(
        name=f"in {hours} hours {team or ''}",
        team=team,
        rule=f"FREQ=DAILY;BYHOUR={at.hour};BYMINUTE={at.minute}",
        minutes=minutes,
    )
    return made


def quiet(guest: Guest, begins: float, ends: float) -> Terms:
    hours = f"{in_hours(begins):%H:%M}-{in_hours(ends):%H:%M}"
    return Terms.objects.update_or_create(guest=guest, defaults={"quiet_hours": hours})[0]


def start(shop: Asking, guest: Guest, forecast_ms: float | None = 0.0, downtime_ms: int | None = None) -> Any:
    return may_start(shop.team, guest, timezone.now(), forecast_ms, downtime_ms)


def operations(guest: Guest, shop: Asking, by: User, **more: Any) -> Migration:
    wanted = make_request(guest=str(guest.pk), target=shop.scene.hosts["kvm-b"].pk, kind="live", options={})
    return request_migration(by=by, request=wanted, **more)[0]


def of_team(team: Team) -> list[str]:
    return list(Entry.objects.filter(topic=f"team:{team.pk}").order_by("pk").values_list("text", flat=True))


# --- may_start ------------------------------------------------------------------------------------------------------------


def test_nothing_is_set(shop: Asking, web: Guest) -> None:
    assert start(shop, web) == Go()
    assert start(shop, web, None) == Go()


def test_windows_of_the_team_and_of_all(shop: Asking, web: Guest) -> None:
    window(5, team=Team.objects.create(name="Other"))
    assert start(shop, web) == Go()
    later = window(5, team=shop.team)
    said = start(shop, web)
    assert isinstance(said, Wait)
    assert said.sentence.startswith("No window is open. It may start at ")
    sooner = window(2)
    assert start(shop, web).until < said.until
    for row in (later, sooner):
        row.delete()
    assert start(shop, web) == Go()


def test_it_must_be_over_before_the_window_closes(shop: Asking, web: Guest) -> None:
    window(-1)
    assert start(shop, web, HOUR_MS / 2) == Go()
    assert start(shop, web, HOUR_MS * 1.5).sentence.startswith("It would not be over before the window closes. ")
    assert start(shop, web, HOUR_MS * 3) == Refuse(NO_TIME)


def test_a_forecast_that_is_not_known_needs_a_quarter_of_an_hour(shop: Asking, web: Guest) -> None:
    row = window(-1, minutes=76)
    assert start(shop, web, None) == Go()
    Window.objects.filter(pk=row.pk).update(minutes=74)
    assert isinstance(start(shop, web, None), Wait)


def test_blackouts(shop: Asking, web: Guest) -> None:
    freeze = Blackout.objects.create(name="year end", begins=in_hours(1), ends=in_hours(30))
    assert start(shop, web, HOUR_MS / 2) == Go()
    said = start(shop, web, HOUR_MS * 2)
    assert said.until == freeze.ends
    assert said.sentence.startswith('It would not be over before the blackout "year end" begins. ')
    Blackout.objects.update(begins=in_hours(-1))
    assert start(shop, web).sentence.startswith('Nothing starts during the blackout "year end". ')
    Blackout.objects.update(team=Team.objects.create(name="Other"))
    assert start(shop, web) == Go()


def test_quiet_hours(shop: Asking, web: Guest) -> None:
    quiet(web, -1, 2)
    said = start(shop, web)
    assert said.sentence.startswith("These are the quiet hours of this VM. ")
    assert timedelta(hours=1.9) < said.until - timezone.now() <= timedelta(hours=2)
    quiet(web, 1, 2)
    assert start(shop, web, HOUR_MS / 2) == Go()
    assert start(shop, web, HOUR_MS * 1.5).sentence.startswith("It would not be over before the quiet hours")
    assert start(shop, web, HOUR_MS * 23.5) == Refuse(NO_TIME)


def test_the_downtime_budget(shop: Asking, web: Guest) -> None:
    Terms.objects.create(guest=web, downtime_ms=300)
    assert start(shop, web, downtime_ms=300) == Go()
    assert start(shop, web, downtime_ms=None) == Go()
    said = start(shop, web, downtime_ms=301)
    assert said == Refuse("A downtime of 301 ms is forecast; the team allows 300 ms for this VM.")


def test_times_that_cannot_be_read_let_nothing_start(shop: Asking, web: Guest) -> None:
    row = window(-1)
    Window.objects.filter(pk=row.pk).update(time_zone="Mars/Olympus")
    assert start(shop, web) == Wait(UNREADABLE)
    Window.objects.filter(pk=row.pk).update(time_zone="UTC", rule="FREQ=SECONDLY")
    assert start(shop, web) == Wait(UNREADABLE)
    row.delete()
    Terms.objects.create(guest=web, quiet_hours="8-18")
    assert start(shop, web) == Wait(UNREADABLE)


# --- requests of teams ----------------------------------------------------------------------------------------------------


def test_a_request_waits_for_its_window(shop: Asking, web: Guest) -> None:
    row = window(3)
    asked = shop.advance(shop.ask(web))
    assert asked.state == "waiting_window"
    assert asked.text.startswith("No window is open. It may start at ")
    assert names_nothing(asked)
    assert asked.look_at is not None
    row.delete()
    assert shop.advance(asked).state == "queued"


def test_a_window_changes_between_asking_and_doing(shop: Asking, web: Guest) -> None:
    row = window(-1)
    asked = shop.advance(shop.ask(web))
    assert asked.state == "queued"
    move = asked.migration
    assert move is not None
    row.delete()
    row = window(3)
    asked = shop.run(asked)
    move.refresh_from_db()
    assert (move.state, asked.state) == ("queued", "queued")
    assert move.state_text.startswith("No window is open. ")
    row.delete()
    shop.scene.run(move)
    assert fresh(asked).state == "done"


def test_more_downtime_than_the_team_allows(shop: Asking, web: Guest) -> None:
    asked = shop.advance(shop.ask(web))
    Terms.objects.create(guest=web, downtime_ms=10)
    Request.objects.filter(pk=asked.pk).update(forecast={"high_ms": 1.0, "downtime_high_ms": 11})
    asked = shop.run(asked)
    assert asked.state == "failed"
    assert asked.migration is not None
    assert "the team allows 10 ms" in asked.migration.state_text


# --- operations wait for a team -------------------------------------------------------------------------------------------


def test_operations_wait_once(shop: Asking, web: Guest, scene: Scene, operator: User) -> None:
    Terms.objects.create(guest=web, veto_hours=4)
    move = operations(web, shop, operator)
    delay = Delay.objects.get()
    assert timedelta(hours=3.9) < delay.until - timezone.now() <= timedelta(hours=4)
    assert of_team(shop.team)[-1].startswith(f"{operator} wants to migrate web-01. It waits until ")
    for _ in range(2):
        scene.run(move)
        move.refresh_from_db()
        assert (move.state, Delay.objects.count()) == ("queued", 1)
    assert move.state_text.startswith("Waiting for the VM's team until ")
    Delay.objects.update(until=timezone.now())
    scene.run(move)
    move.refresh_from_db()
    assert move.state == "done"


def test_somebody_of_the_team_lets_it_go(shop: Asking, web: Guest, scene: Scene, operator: User) -> None:
    Terms.objects.create(guest=web, veto_hours=4)
    move = operations(web, shop, operator)
    Delay.objects.update(released_at=timezone.now())
    scene.run(move)
    move.refresh_from_db()
    assert move.state == "done"


def test_urgent_ones_do_not_wait(shop: Asking, web: Guest, scene: Scene, operator: User) -> None:
    Terms.objects.create(guest=web, veto_hours=4)
    with pytest.raises(RequestRefused):
        operations(web, shop, operator, urgent=True)
    move = operations(web, shop, operator, urgent=True, reason="its disk fails")
    assert not Delay.objects.exists()
    assert (
        bare(of_team(shop.team)[-1]) == f"{operator} is migrating web-01 at once, because it is urgent: its disk fails"
    )
    scene.run(move)
    move.refresh_from_db()
    assert move.state == "done"


def test_operators_are_told_of_quiet_hours_and_go_on(shop: Asking, web: Guest, scene: Scene, operator: User) -> None:
    quiet(web, -1, 2)
    move = operations(web, shop, operator)
    texts = Entry.objects.filter(topic=move.topic).values_list("text", flat=True)
    assert any(text.startswith("The VM's team does not want it disturbed until ") for text in texts)
    scene.run(move)
    move.refresh_from_db()
    assert move.state == "done"


def test_requests_of_the_team_have_no_delay(shop: Asking, web: Guest) -> None:
    Terms.objects.create(guest=web, veto_hours=4)
    asked = shop.advance(shop.ask(web))
    assert shop.run(asked).state == "done"
    assert not Delay.objects.exists()
