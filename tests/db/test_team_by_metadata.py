"""A VM whose definition names its team: what counts before it, what it counts before, and who decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from hosts.facts.guest import GuestDefinition, GuestDetails, GuestStatus, RunState
from hosts.models import Guest, Host
from hosts.usecases import teams as usecases
from hosts.watcher.store_guests import details_seen, guests_seen
from kvmweb.accounts.models import Ownership
from kvmweb.journal.models import Entry
from tests.web import seed
from tests.web.api_client import Api
from tests.web.conftest import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.dual]


@pytest.fixture
def scene(admin: User) -> dict[str, Any]:
    host = seed.make_host("kvm-a")
    web = seed.make_guest("web-01", host)
    shop = usecases.create_team("Shop", by=admin, claims_metadata=True)
    data = usecases.create_team("Data", by=admin)
    return {**locals(), "other": seed.make_host("kvm-b", number=2)}


def _told(host: Host, guest: Guest, team: str, *, name: str = "web-01", later: int = 1) -> None:
    """The watcher read the VM's definition on this host."""
    when = timezone.now() + timedelta(milliseconds=later)
    definition = GuestDefinition(
        uuid=str(guest.pk),
        name=name,
        team=team,
        virt_type="kvm",
        arch="x86_64",
        machine="q35",
        emulator="",
        memory_kib=1024,
        current_memory_kib=1024,
        vcpus=1,
    )
    details = GuestDetails(
        uuid=str(guest.pk),
        definition=definition,
        xml="",
        live=definition,
        persistent=True,
        autostart=False,
        managed_save=False,
        snapshots=0,
    )
    Guest.objects.filter(pk=guest.pk).update(details_seen_at=None)
    details_seen(host.pk, [(details, when)])


def _owner(guest: Guest) -> str | None:
    row = Ownership.objects.filter(pk=guest.pk).select_related("team").first()
    return None if row is None else row.team.name if row.team else ""


def _notes(guest: Guest) -> list[str]:
    rows = Entry.objects.filter(topic=f"guest:{guest.pk}", kind="note").order_by("id")
    return list(rows.values_list("text", flat=True))


def test_it_names_its_team_and_another_one_later(scene: dict[str, Any], admin: User) -> None:
    web, host = scene["web"], scene["host"]
    usecases.change_team(scene["data"], claims_metadata=True, by=admin)
    _told(host, web, "Shop")
    assert _owner(web) == "Shop"
    _told(host, web, "Data")
    assert _owner(web) == "Data"
    _told(host, web, "")
    assert _owner(web) is None
    assert _notes(web)[-1] == "The VM's definition no longer gives it to a team."


@pytest.mark.parametrize("text", ["Data", "shop", "Shop\u202e", "x" * 101, "Shop" * 40, "Shop\nData", "nobody"])
def test_a_name_in_vain_is_noted_once_at_most(scene: dict[str, Any], text: str) -> None:
    web, host = scene["web"], scene["host"]
    for later in (1, 2):
        _told(host, web, text, later=later)
    assert _owner(web) is None
    plain = len(text) <= 100 and text.isascii() and "\n" not in text
    assert len(_notes(web)) == plain
    assert all("This is ignored" in note for note in _notes(web))


def test_a_hand_goes_before_it_and_it_goes_before_a_pattern(scene: dict[str, Any], admin: User) -> None:
    web, host, data = scene["web"], scene["host"], scene["data"]
    usecases.change_team(data, patterns=["web-*"], by=admin)
    assert _owner(web) == "Data"
    _told(host, web, "Shop")
    assert _owner(web) == "Shop"
    _told(host, web, "")
    assert _owner(web) == "Data"  # by its name again
    usecases.give_guest(data, web, by=admin)
    _told(host, web, "Shop")
    assert _owner(web) == "Data"
    usecases.take_guest(data, web.pk, by=admin)
    assert _owner(web) == ""
    _told(host, web, "Shop", later=2)
    _told(host, web, "Shop", name="web-02", later=3)
    assert _owner(web) == ""


def test_an_admin_takes_what_the_definition_gave(scene: dict[str, Any], admin: User) -> None:
    web = scene["web"]
    _told(scene["host"], web, "Shop")
    web.refresh_from_db()
    assert usecases.take_guest(scene["shop"], web.pk, by=admin)
    usecases.change_team(scene["shop"], claims_metadata=False, by=admin)
    usecases.change_team(scene["shop"], claims_metadata=True, by=admin)
    assert _owner(web) == ""


def test_the_switch_and_the_name_of_the_team(scene: dict[str, Any], admin: User) -> None:
    web, shop = scene["web"], scene["shop"]
    _told(scene["host"], web, "Shop")
    usecases.change_team(shop, claims_metadata=False, by=admin)
    assert _owner(web) is None
    usecases.change_team(shop, claims_metadata=True, by=admin)
    assert _owner(web) == "Shop"
    usecases.change_team(shop, name="Store", by=admin)
    assert _owner(web) is None
    usecases.create_team("Shop", claims_metadata=True, by=admin)
    assert _owner(web) == "Shop"


def test_it_stays_the_teams_on_another_host(scene: dict[str, Any]) -> None:
    web, other = scene["web"], scene["other"]
    _told(scene["host"], web, "Shop")
    now = timezone.now() + timedelta(milliseconds=5)
    guests_seen(scene["host"].pk, [], None, started=now)
    here = GuestStatus(uuid=str(web.pk), name="web-01", state=RunState.RUNNING, reason="migrated")
    guests_seen(other.pk, [here], None, started=now)
    assert _owner(web) == "Shop"
    _told(other, web, "Shop", later=9)
    assert _owner(web) == "Shop"
    assert len(_notes(web)) == 1


def test_over_the_api_and_on_the_page(scene: dict[str, Any], admin: User) -> None:
    api, web, data = Api(admin), scene["web"], scene["data"]
    _told(scene["host"], web, "Data")
    assert api.get(f"/teams/{data.pk}").json()["claims_metadata"] is False
    (guest,) = api.patch(f"/teams/{data.pk}", {"claims_metadata": True}).json()["guests"]
    assert (guest["name"], guest["pattern"], guest["by_metadata"]) == ("web-01", "", True)
    page = client_of(admin).get(f"/teams/{data.pk}/").content.decode()
    assert "its definition" in page
    assert " checked" in page
    client_of(admin).post(f"/teams/{data.pk}/change/", {"name": "Data", "patterns": ""})
    assert _owner(web) is None
