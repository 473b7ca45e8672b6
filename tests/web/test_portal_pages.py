"""The pages of people in teams: their VMs and their requests."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from hosts.models import Host, HostGroup
from hosts.usecases import teams as usecases
from kvmweb.accounts.models import Team
from tests.web import seed
from tests.web.conftest import client_of
from tests.web.pages import flat


@pytest.fixture
def shop(scene: dict[str, Any]) -> Team:
    """web-01 migrates, idle-01 has migrated."""
    team = usecases.create_team("Shop", ["web-*", "idle-*"], by=scene["admin"])
    group = HostGroup.objects.create(name="racks of kvm-a", site="Site north")
    Host.objects.filter(name="kvm-a").update(group=group)
    return team


def _somebody(team: Team, role: str = "member", name: str = "mia") -> Client:
    user = seed.make_person(name, None)
    user.grants.create(role=role, scope=team.scope)
    return client_of(user)


@pytest.fixture
def as_member(shop: Team) -> Client:
    return _somebody(shop)


def test_a_team_reads_how_its_vms_are(scene: dict[str, Any], as_member: Client) -> None:
    text = flat(as_member.get("/portal/"))
    for said in ("web-01", "Site north", "Migrating", "62 %", "Well", "84 ms downtime", "Done"):
        assert said in text
    for secret in ("kvm-", "racks", "192.0.2", "/testvms", "kernel update", "olga"):
        assert secret not in text


def test_the_list_is_searched_and_sorted(scene: dict[str, Any], shop: Team, as_member: Client) -> None:
    for number in range(60):
        usecases.give_guest(shop, seed.make_guest(f"shop-{number:02}", scene["b"]), by=scene["admin"])
    first = flat(as_member.get("/portal/"))
    assert "1 to 50 of 62" in first
    found = flat(as_member.get("/portal/?q=shop-59"))
    assert "1 found" in found
    assert "shop-58" not in found
    assert "No VM matches" in flat(as_member.get("/portal/?q=kvm-b"))  # a host's name finds nothing
    for key in ("name", "-name", "state", "site", "-site", "last", "-last", "nonsense"):
        assert as_member.get(f"/portal/?sort={key}").status_code == 200
    by_site = flat(as_member.get("/portal/?sort=site"))
    assert by_site.index("web-01") < by_site.index("shop-00")
    assert "shop-59" in flat(as_member.get("/portal/?sort=-name"))


def test_one_vm(scene: dict[str, Any], as_member: Client) -> None:
    text = flat(as_member.get(f"/portal/vms/{scene['idle'].pk}/"))
    for said in ("idle-01", "Shop", "No site has been named.", "Operations", "84 ms"):
        assert said in text
    assert "kvm-" not in text
    scene["c"].sightings.all().delete()
    seed.see(scene["idle"], scene["c"])
    scene["idle"].sightings.exclude(host=scene["c"]).delete()
    assert "Not seen" in flat(as_member.get(f"/portal/vms/{scene['idle'].pk}/"))
    assert as_member.get(f"/portal/vms/{scene['db'].pk}/").status_code == 404


def test_hostile_names(scene: dict[str, Any], shop: Team, as_member: Client) -> None:
    for name in ("hostile", "rtl"):
        usecases.give_guest(shop, scene[name], by=scene["admin"])
        for address in ("/portal/", f"/portal/vms/{scene[name].pk}/"):
            assert seed.HOSTILE.encode() not in as_member.get(address).content
