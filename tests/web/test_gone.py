"""VMs that no host reports any more: where they are shown, who may forget them, and what stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from hosts.facts.guest import GuestStatus, RunState
from hosts.models import Guest, Host, Sighting
from hosts.watcher import store_guests
from kvmweb.journal.models import Entry
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.usecases import forget_guests
from tests.web import seed
from tests.web.api_client import Api
from tests.web.pages import flat

DAYS = timedelta(days=1)


@pytest.fixture
def ghost(scene: dict[str, Any]) -> Guest:
    return _ghost(scene["a"], "ghost-01")


@pytest.fixture
def api(scene: dict[str, Any]) -> Api:
    return Api(scene["olga"])


def _ghost(host: Host, name: str, *, since: timedelta = timedelta(hours=1)) -> Guest:
    guest = seed.make_guest(name)
    seed.see(guest, host, gone=timezone.now() - since)
    return guest


def _names(api: Api, **query: str) -> set[str]:
    return {item["name"] for item in api.items("/guests", **query)}


def _forget(client: Client, *guests: Guest) -> str:
    answer = client.post("/vms/forget/", {"guest": [str(guest.pk) for guest in guests]}, follow=True)
    assert answer.status_code == 200
    return flat(answer)


def _age(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    config = django_settings.KVMWEB.model_copy(update={"forget_days": days})
    monkeypatch.setattr(django_settings, "KVMWEB", config)
    monkeypatch.setattr(forget_guests, "_swept", float("-inf"))


def test_the_list_shows_what_exists_and_counts_what_is_gone(ghost: Guest, as_viewer: Client) -> None:
    text = flat(as_viewer.get("/vms/"))
    assert f"/vms/{ghost.pk}/" not in text
    assert "1 VM is gone: no host reports it any more." in text
    assert ">Gone (1)</option>" in text


def test_the_filter_shows_only_what_is_gone_and_where_it_was(
    ghost: Guest, scene: dict[str, Any], as_viewer: Client
) -> None:
    text = flat(as_viewer.get("/vms/?state=gone"))
    assert f"/vms/{ghost.pk}/" in text
    assert "was on kvm-a" in text
    assert f"vm-{scene['idle'].pk}" not in text
    assert "Forget" not in text  # a viewer may not


def test_what_is_gone_can_be_sorted_by_when(scene: dict[str, Any], as_viewer: Client) -> None:
    late, early = _ghost(scene["a"], "late"), _ghost(scene["a"], "early", since=3 * DAYS)
    text = flat(as_viewer.get("/vms/?state=gone&sort=left_at"))
    assert text.index(f"vm-{early.pk}") < text.index(f"vm-{late.pk}")


@pytest.mark.parametrize(("host", "shown"), [("a", True), ("b", False)])
def test_what_is_gone_can_be_listed_by_the_host_that_had_it(
    ghost: Guest, scene: dict[str, Any], as_viewer: Client, host: str, shown: bool
) -> None:
    text = flat(as_viewer.get(f"/vms/?state=gone&host={scene[host].pk}"))
    assert (f"/vms/{ghost.pk}/" in text) is shown


def test_a_search_does_not_find_what_is_gone_unless_it_is_asked_for(ghost: Guest, as_viewer: Client) -> None:
    assert f"/vms/{ghost.pk}/" not in flat(as_viewer.get("/vms/?q=ghost"))
    assert f"/vms/{ghost.pk}/" in flat(as_viewer.get("/vms/?q=ghost&state=gone"))


def test_a_migrating_vm_is_listed_although_no_host_has_it_for_a_moment(
    scene: dict[str, Any], as_viewer: Client
) -> None:
    Sighting.objects.filter(guest=scene["web"]).update(gone_since=timezone.now())
    assert f"/vms/{scene['web'].pk}/" in flat(as_viewer.get("/vms/?q=web-01"))
    assert f"/vms/{scene['web'].pk}/" not in flat(as_viewer.get("/vms/?q=web-01&state=gone"))


def test_the_page_of_one_that_is_gone_says_so_and_what_forgetting_does(ghost: Guest, as_operator: Client) -> None:
    text = flat(as_operator.get(f"/vms/{ghost.pk}/"))
    assert "no host reports it any more" in text
    assert "Nothing changes on any host, and its past migrations stay." in text
    assert 'action="/vms/forget/"' in text


def test_a_forgotten_vm_is_listed_nowhere_and_the_journal_says_who_did_it(ghost: Guest, as_operator: Client) -> None:
    assert "ghost-01 is forgotten." in _forget(as_operator, ghost)
    assert not Guest.objects.filter(pk=ghost.pk).exists()
    assert "told kvmweb to forget ghost-01" in Entry.objects.get(topic=f"guest:{ghost.pk}").text


def test_the_history_stays_and_still_names_the_vm(ghost: Guest, scene: dict[str, Any], as_operator: Client) -> None:
    past = seed.make_migration(ghost, scene["a"], scene["b"], State.DONE, by=scene["olga"])
    _forget(as_operator, ghost)
    assert "ghost-01" in flat(as_operator.get(f"/migrations/{past.pk}/"))
    assert "No host reports it" in flat(as_operator.get(f"/vms/{ghost.pk}/"))
    for address in ("/vms/", "/vms/?state=gone", "/search/?q=ghost"):
        assert f"/vms/{ghost.pk}/" not in flat(as_operator.get(address))


def test_a_vm_that_a_host_reports_again_is_listed_again(
    ghost: Guest, scene: dict[str, Any], as_operator: Client
) -> None:
    _forget(as_operator, ghost)
    status = GuestStatus(uuid=str(ghost.pk), name="ghost-01", state=RunState.RUNNING, reason="booted")
    store_guests.guests_seen(scene["a"].pk, (status,), None, started=timezone.now())
    assert f"/vms/{ghost.pk}/" in flat(as_operator.get("/vms/"))


def test_what_a_host_has_is_kept(scene: dict[str, Any], as_operator: Client) -> None:
    assert "idle-01 is on kvm-b." in _forget(as_operator, scene["idle"])
    assert Sighting.objects.filter(guest=scene["idle"], gone_since=None).exists()


def test_what_was_on_a_host_that_is_not_reachable_is_kept(scene: dict[str, Any], as_operator: Client) -> None:
    Migration.objects.filter(guest=scene["lost"]).update(state=State.FAILED)
    unsure = "kvm-c is not reachable, so kvmweb cannot tell whether"
    assert f"{unsure} mail-02 is gone." in _forget(as_operator, scene["lost"])
    earlier = _ghost(scene["c"], "ghost-02")
    assert f"{unsure} ghost-02 is gone." in _forget(as_operator, earlier)
    assert Sighting.objects.filter(guest__in=[scene["lost"], earlier]).count() == 2


def test_what_a_migration_holds_is_kept(scene: dict[str, Any], as_operator: Client) -> None:
    Sighting.objects.filter(guest=scene["web"]).update(gone_since=timezone.now())
    assert "web-01 is locked by a migration." in _forget(as_operator, scene["web"])
    assert Sighting.objects.filter(guest=scene["web"]).exists()


def test_several_are_forgotten_at_once_and_those_that_cannot_be_are_named(
    scene: dict[str, Any], as_operator: Client
) -> None:
    two = [_ghost(scene["a"], "ghost-01"), _ghost(scene["b"], "ghost-02")]
    text = flat(as_operator.get("/vms/?state=gone"))
    assert "Forget 2 VMs…" in text
    assert "2 VMs are forgotten. idle-01 is on kvm-b." in _forget(as_operator, *two, scene["idle"])


def test_nonsense_forgets_nothing(ghost: Guest, as_operator: Client) -> None:
    answer = as_operator.post("/vms/forget/", {"guest": ["x", ""], "reason": "why"}, follow=True)
    assert "Nothing to forget" in flat(answer)
    as_operator.post("/vms/forget/", {"guest": [str(ghost.pk)], "reason": "a\x1bb"})
    assert Guest.objects.filter(pk=ghost.pk).exists()


def test_the_sweep_forgets_what_has_been_gone_for_longer_than_the_setting(
    scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = _ghost(scene["a"], "old", since=8 * DAYS), _ghost(scene["a"], "young", since=6 * DAYS)
    unsure = _ghost(scene["c"], "unsure", since=8 * DAYS)
    orphan = seed.make_guest("orphan")
    _age(monkeypatch, 7)
    forget_guests.sweep()
    left = set(Guest.objects.filter(pk__in=[old.pk, young.pk, unsure.pk, orphan.pk]).values_list("name", flat=True))
    assert left == {"young", "unsure"}
    assert "was gone for more than 7 days" in Entry.objects.get(topic=f"guest:{old.pk}").text


def test_with_0_days_nothing_is_ever_forgotten(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    _ghost(scene["a"], "old", since=9999 * DAYS)
    before = Guest.objects.count()
    _age(monkeypatch, 0)
    forget_guests.sweep()
    assert Guest.objects.count() == before


def test_the_sweep_removes_what_a_removed_host_has_left(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    unseen = seed.make_guest("unseen-01")
    kept = seed.make_guest("kept-01")
    seed.make_migration(kept, scene["a"], scene["b"], State.DONE, by=scene["olga"])
    _age(monkeypatch, 30)
    forget_guests.sweep()
    assert not Guest.objects.filter(pk=unseen.pk).exists()
    assert Guest.objects.filter(pk=kept.pk).exists()


def test_the_api_filters_by_gone_and_says_since_when(ghost: Guest, scene: dict[str, Any], api: Api) -> None:
    assert _names(api, gone="true") == {"ghost-01"}
    assert _names(api, gone="true", host=scene["a"].name) == {"ghost-01"}
    assert _names(api, gone="true", host=scene["b"].name) == set()
    assert "ghost-01" not in _names(api, gone="false")
    assert {"ghost-01", "idle-01"} <= _names(api)
    shown = api.get(f"/guests/{ghost.pk}").json()
    assert (shown["host"], shown["stale"]) == (None, True)
    assert shown["gone_since"] is not None
