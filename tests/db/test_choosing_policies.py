"""Policies as admins make, change, choose and remove them, also two at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from hosts.models import Guest
from kvmweb.journal.models import Entry
from migrations_app.domain.convergence.policy import BUILT_IN, GENTLE, LastResort
from migrations_app.domain.kinds import Kind
from migrations_app.domain.request import make_request
from migrations_app.models import GuestConsent, Policy, PolicyChoice, consents_of
from migrations_app.usecases.choose_policy import (
    choose_for_guest,
    choose_for_host,
    choose_for_installation,
    set_consent,
)
from migrations_app.usecases.errors import PolicyStays, RequestRefused
from migrations_app.usecases.policies import change_policy, make_policy, remove_policy
from migrations_app.usecases.request_migration import request_migration
from tests.db.moving import Scene
from tests.policies import built_in_policies

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


@pytest.fixture(autouse=True)
def _built_in(db: None) -> None:
    built_in_policies()


def _texts() -> list[str]:
    return list(Entry.objects.filter(topic="policies").order_by("id").values_list("text", flat=True))


def at_once(*doings: Callable[[], Any]) -> list[Any]:
    """What each came to: its result, or what it raised."""
    answers: list[Any] = [None] * len(doings)
    ready = threading.Barrier(len(doings))

    def do(place: int) -> None:
        ready.wait(10)
        try:
            answers[place] = doings[place]()
        except Exception as error:
            answers[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(place,)) for place in range(len(doings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def test_what_comes_with_kvmweb_is_what_the_domain_says() -> None:
    """The rows are made by the schema, which cannot import them."""
    from importlib import import_module

    later = import_module("migrations_app.migrations.0022_post_copy").BUILT_IN
    rows = (*import_module("migrations_app.migrations.0018_policies").BUILT_IN, later)
    usual = {"built_in": True, "shadow": False, "resume_post_copy": False}
    assert [{**usual, **row} for row in rows] == [known.as_json() for known in BUILT_IN]


def test_two_admins_change_different_fields_at_once(admin: Any) -> None:
    """Neither change is lost, and both are in the journal."""
    gentle = Policy.objects.get(name="gentle")
    done = at_once(
        lambda: change_policy(gentle, {"patience_s": 60}, by=admin),
        lambda: change_policy(gentle, {"last_resort": "finish"}, by=admin),
    )
    assert not [answer for answer in done if isinstance(answer, Exception)]
    data = Policy.objects.get(pk=gentle.pk).data
    assert (data.patience_s, data.last_resort, data.ladder_ms) == (60, LastResort.FINISH, GENTLE.ladder_ms)
    assert sorted(_texts()) == [
        "anna changed the policy “gentle”: last resort abort → finish.",
        "anna changed the policy “gentle”: patience 40 s → 60 s.",
    ]


def test_two_changes_that_do_not_fit_together(admin: Any) -> None:
    """Each would be right alone: the second is checked with the first."""
    gentle = Policy.objects.get(name="gentle")
    done = at_once(
        lambda: change_policy(gentle, {"start_downtime_ms": 450, "ladder_ms": (500,)}, by=admin),
        lambda: change_policy(gentle, {"ladder_ms": (200, 300)}, by=admin),
    )
    refused = [answer for answer in done if isinstance(answer, RequestRefused)]
    data = Policy.objects.get(pk=gentle.pk).data
    assert len(refused) <= 1
    assert all(
        later > step for step, later in zip((data.start_downtime_ms, *data.ladder_ms), data.ladder_ms, strict=False)
    )


def test_two_admins_make_one_of_the_same_name(admin: Any) -> None:
    done = at_once(*[lambda: make_policy({"name": "mine"}, by=admin)] * 2)
    refused = [answer for answer in done if isinstance(answer, Exception)]
    assert [(type(one), one.field) for one in refused] == [(RequestRefused, "name")]
    assert Policy.objects.filter(name="mine").count() == 1
    assert len(_texts()) == 1


def test_one_chooses_what_another_removes(admin: Any, scene: Scene) -> None:
    mine = make_policy({"name": "mine"}, by=admin)
    host = scene.hosts["kvm-a"]
    done = at_once(lambda: choose_for_host(host, "mine", by=admin), lambda: remove_policy(mine, by=admin))
    assert {type(answer) for answer in done} in ({type(None), RequestRefused}, {type(None), PolicyStays})
    assert PolicyChoice.objects.filter(host=host).exists() == Policy.objects.filter(name="mine").exists()


def test_two_admins_choose_for_the_installation(admin: Any) -> None:
    done = at_once(*(lambda name=name: choose_for_installation(name, by=admin) for name in ("large VM", "must finish")))  # type: ignore[misc]
    assert done == [None, None]
    assert PolicyChoice.objects.get().policy.name in ("large VM", "must finish")
    assert len(_texts()) == 2


def test_two_operators_set_the_consent_of_a_vm(operator: Any, scene: Scene) -> None:
    guest = Guest.objects.get(pk=scene.add_guest().definition.uuid)
    done = at_once(
        lambda: set_consent(guest, {"slow": "never"}, by=operator),
        lambda: set_consent(guest, {"pause": "always"}, by=operator),
    )
    assert done == [None, None]
    agreed = GuestConsent.objects.get(guest=guest).data
    assert (agreed.slow, agreed.pause, agreed.post_copy) == ("never", "always", "if_needed")


def test_nothing_is_said_of_what_changes_nothing(admin: Any, scene: Scene) -> None:
    gentle, host = Policy.objects.get(name="gentle"), scene.hosts["kvm-a"]
    guest = Guest.objects.get(pk=scene.add_guest().definition.uuid)
    before = Entry.objects.count()
    change_policy(gentle, {"patience_s": gentle.patience_s}, by=admin)
    choose_for_installation("gentle", by=admin)
    choose_for_host(host, None, by=admin)
    set_consent(guest, {"slow": "if_needed"}, by=admin)
    assert Entry.objects.count() == before


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "'; DROP TABLE x; --", "שרת", "%2e%2e", "{{ 7*7 }}", "gentle ", "é" * 63]
)
def test_a_hostile_name_is_a_name(admin: Any, name: str) -> None:
    if name.strip() == "gentle":
        with pytest.raises(RequestRefused):
            make_policy({"name": name}, by=admin)
        return
    made = make_policy({"name": name}, by=admin)
    assert Policy.objects.get(pk=made.pk).name == name
    assert name in _texts()[0]
    remove_policy(made, by=admin)
    remove_policy(made, by=admin)  # twice is once
    assert len(_texts()) == 2


def test_who_may(scene: Scene, viewer: Any, operator: Any, admin: Any) -> None:
    gentle, host = Policy.objects.get(name="gentle"), scene.hosts["kvm-a"]
    guest = Guest.objects.get(pk=scene.add_guest().definition.uuid)
    of_admins: list[Callable[[Any], Any]] = [
        lambda by: make_policy({"name": "mine"}, by=by),
        lambda by: change_policy(gentle, {"shadow": True}, by=by),
        lambda by: remove_policy(gentle, by=by),
        lambda by: choose_for_installation("large VM", by=by),
        lambda by: choose_for_host(host, "large VM", by=by),
    ]
    of_operators: list[Callable[[Any], Any]] = [
        lambda by: choose_for_guest(guest, "large VM", by=by),
        lambda by: set_consent(guest, {"slow": "never"}, by=by),
    ]
    before = Entry.objects.count()
    for do, by in [(do, by) for do in of_admins for by in (viewer, operator)] + [(do, viewer) for do in of_operators]:
        with pytest.raises(PermissionDenied):
            do(by)
    assert Entry.objects.count() == before
    for do in of_operators:
        do(operator)
    assert consents_of(Guest.objects.get(pk=guest.pk)).slow == "never"


def test_without_any_choice_it_is_gentle(scene: Scene, operator: Any) -> None:
    PolicyChoice.objects.all().delete()
    guest = scene.add_guest()
    request = make_request(guest=guest.definition.uuid, target=scene.hosts["kvm-b"].pk, kind=Kind.LIVE, options={})
    assert request_migration(by=operator, request=request)[0].policy_data == GENTLE
