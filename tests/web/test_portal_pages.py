"""The pages of people in teams: their VMs and their requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals.models import Approval
from hosts.models import Host, HostGroup
from hosts.usecases import teams as usecases
from kvmweb.accounts.models import Team
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from portal.models import Quota, Request, Storage
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


# --- asking, and the thread of a request --------------------------------------------------------------------------------

SECRETS = ("kvm-", "racks", "192.0.2", "/testvms", "fast-pool")


@pytest.fixture
def asked(scene: dict[str, Any], shop: Team, as_member: Client) -> Request:
    mia = User.objects.get(username="mia")
    made = seed.make_request(scene["idle"], shop, by=mia, reason="noisy disk")
    writer.write(writer.request_topic(made.pk), EntryKind.ACTION, "mia asked that idle-01 migrates.", actor=mia)
    writer.write(writer.request_topic(made.pk), EntryKind.NOTE, "Waits for approval: rule about kvm-a")
    return made


def _form(as_member: Client, scene: dict[str, Any], **fields: str) -> dict[str, str]:
    page = as_member.get(f"/portal/vms/{scene['idle'].pk}/ask/")
    return {"where": "away", "time_zone": "UTC", "key": page.context["form"].initial["key"], **fields}


def test_the_form_offers_what_admins_named(scene: dict[str, Any], as_member: Client) -> None:
    Storage.objects.create(name="fast", pool="fast-pool")
    text = flat(as_member.get(f"/portal/vms/{scene['idle'].pk}/ask/"))
    for said in ("Site north", "fast", "To any other host", "Ask for the migration"):
        assert said in text
    assert [secret for secret in SECRETS if secret in text] == []
    at_home = flat(as_member.get(f"/portal/vms/{scene['web'].pk}/ask/"))
    assert "Site north" not in at_home  # it is there


def test_somebody_asks(scene: dict[str, Any], as_member: Client) -> None:
    form = _form(as_member, scene, where="site:Site north", not_before="2027-01-08T06:00", time_zone="Europe/Berlin")
    answer = as_member.post(f"/portal/vms/{scene['idle'].pk}/ask/", form | {"reason": "noisy disk"})
    made = Request.objects.get()
    assert answer["Location"] == f"/portal/requests/{made.pk}/"
    assert (made.wish, made.value, made.reason) == ("site", "Site north", "noisy disk")
    assert made.not_before == datetime(2027, 1, 8, 5, tzinfo=UTC)
    text = flat(as_member.get(answer["Location"]))
    for said in ("It migrates to the site Site north.", "2027-01-08 05:00 UTC", "noisy disk", "mia", "Withdraw"):
        assert said in text
    assert [secret for secret in SECRETS if secret in text] == []
    again = as_member.post(f"/portal/vms/{scene['idle'].pk}/ask/", _form(as_member, scene), follow=True)
    assert "This VM has an open request already." in flat(again)
    assert "Follow the request" in flat(as_member.get(f"/portal/vms/{scene['idle'].pk}/"))
    assert as_member.get(f"/portal/vms/{scene['db'].pk}/ask/").status_code == 404


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"where": "site:nowhere"}, "There is no such place any more."),
        ({"where": "host:kvm-a"}, "There is no such place any more."),
        ({"not_after": "2001-01-01T00:00"}, "This time has passed."),
        ({"not_before": "2027-01-08T06:00", "not_after": "2027-01-08T05:00"}, "This is not after the earliest time."),
        ({"not_before": "soon"}, "Enter a date and a time"),
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_asked_is_said_at_its_field(
    scene: dict[str, Any], as_member: Client, fields: dict[str, str], said: str
) -> None:
    answer = as_member.post(f"/portal/vms/{scene['idle'].pk}/ask/", _form(as_member, scene, **fields))
    assert answer.status_code == 422
    assert said in flat(answer)
    assert not Request.objects.exists()


def test_a_quota_is_said(scene: dict[str, Any], shop: Team, as_member: Client) -> None:
    Quota.objects.create(team=shop, at_once=0)
    answer = as_member.post(f"/portal/vms/{scene['idle'].pk}/ask/", _form(as_member, scene))
    assert answer.status_code == 422
    assert "notice state-bad" in flat(answer)


def test_a_thread_names_no_host_to_the_team(scene: dict[str, Any], asked: Request, as_member: Client) -> None:
    approval = Approval.objects.create(
        subject=writer.request_topic(asked.pk), guest=scene["idle"], guest_name="idle-01", text="x", role="lead",
        rule="all of kvm-a", plan_hash="1",
    )  # fmt: skip
    approval.votes.create(by_name="lea", vote="deny", comment="Not today.", plan_hash="1")
    Approval.objects.filter(pk=approval.pk).update(state="denied")
    Request.objects.filter(pk=asked.pk).update(migration=scene["done"])
    text = flat(as_member.get(f"/portal/requests/{asked.pk}/"))
    for said in (
        "noisy disk",
        "by a lead of the team",
        "lea",
        "Not today.",
        "84 ms",
        "mia asked that idle-01 migrates.",
    ):
        assert said in text
    assert [secret for secret in SECRETS if secret in text] == []
    for_operators = flat(client_of(scene["olga"]).get(f"/portal/requests/{asked.pk}/"))
    assert "kvm-b has 3.5 GiB of memory free afterwards." in for_operators
    assert "Withdraw…" not in for_operators
    assert "idle-01" in flat(client_of(scene["olga"]).get("/portal/requests/"))


def test_who_may_withdraw(scene: dict[str, Any], shop: Team, asked: Request, as_member: Client) -> None:
    address = f"/portal/requests/{asked.pk}/withdraw/"
    other = _somebody(shop, name="max")
    assert "Withdraw…" not in flat(other.get(f"/portal/requests/{asked.pk}/"))
    assert other.post(address).status_code == 403
    lead = _somebody(shop, "lead", "lea")
    assert "Keep it" in flat(lead.get(address))
    assert Request.objects.get().state == asked.state
    assert lead.post(address, {"reason": "not now"})["Location"] == f"/portal/requests/{asked.pk}/"
    assert Request.objects.get().state == "withdrawn"
    assert "ended already" in flat(as_member.post(address, follow=True))


def test_the_list_of_requests(scene: dict[str, Any], asked: Request, as_member: Client) -> None:
    assert "idle-01" in flat(as_member.get("/portal/requests/"))
    Request.objects.update(state="done")
    assert "No request is open." in flat(as_member.get("/portal/requests/"))
    assert "idle-01" in flat(as_member.get("/portal/requests/?all=yes"))
    stranger = _somebody(usecases.create_team("Data", by=scene["admin"]), name="stan")
    assert "idle-01" not in flat(stranger.get("/portal/requests/?all=yes"))
    assert stranger.get(f"/portal/requests/{asked.pk}/").status_code == 404
