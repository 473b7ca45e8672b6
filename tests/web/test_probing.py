"""Networks for probes, the address of a VM, and what was felt: pages and API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from kvmweb.journal.models import Entry
from migrations_app.domain.lifecycle import State
from migrations_app.models import ProbeAddress, ProbeNetwork
from migrations_app.usecases import probing
from tests.web import seed
from tests.web.api_client import Api
from tests.web.conftest import client_of
from tests.web.pages import flat

FELT = {"from": "control-1", "address": "203.0.113.17", "sent": 212, "lost": 6, "longest_ms": 140}


@pytest.fixture
def by_admin(scene: dict[str, Any]) -> Api:
    return Api(scene["admin"])


@pytest.fixture
def as_admin(scene: dict[str, Any]) -> Client:
    return client_of(scene["admin"])


def told() -> str:
    return " ".join(Entry.objects.values_list("text", flat=True))


def test_an_admin_names_and_removes_networks_over_the_api(by_admin: Api) -> None:
    made = by_admin.post("/probe-networks", {"cidr": " 203.0.113.0/24", "reason": "VLAN 7"})
    assert made.status_code == 201
    assert made.json() == {"id": made.json()["id"], "cidr": "203.0.113.0/24"}
    assert by_admin.items("/probe-networks") == [made.json()]
    assert by_admin.post("/probe-networks", {"cidr": "203.0.113.0/24"}).status_code == 422
    assert by_admin.delete(f"/probe-networks/{made.json()['id']}").status_code == 204
    assert by_admin.delete(f"/probe-networks/{made.json()['id']}").status_code == 404
    assert "allowed probes of VMs in 203.0.113.0/24" in told()
    assert "no longer allows probes of VMs in 203.0.113.0/24" in told()


@pytest.mark.parametrize("cidr", ["", "0.0.0.0/0", "127.0.0.0/8", "203.0.113.1/24", "<script>"])
def test_what_is_no_network_is_refused_at_its_field(by_admin: Api, as_admin: Client, cidr: str) -> None:
    answer = by_admin.post("/probe-networks", {"cidr": cidr})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["cidr"]
    page = as_admin.post("/console/probing/", {"cidr": cidr})
    assert page.status_code == 422
    assert not ProbeNetwork.objects.exists()


def test_there_is_an_end_to_them(by_admin: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "MOST_NETWORKS", 1)
    assert by_admin.post("/probe-networks", {"cidr": "203.0.113.0/24"}).status_code == 201
    assert by_admin.post("/probe-networks", {"cidr": "198.51.100.0/24"}).status_code == 422


def test_the_page_of_the_console(as_admin: Client) -> None:
    assert "No network is named, so kvmweb probes no VM." in flat(as_admin.get("/console/probing/"))
    assert as_admin.post("/console/probing/", {"cidr": "2001:db8::/64"}).status_code == 302
    named = ProbeNetwork.objects.get()
    assert "2001:db8::/64" in flat(as_admin.get("/console/probing/"))
    gone = as_admin.post(f"/console/probing/{named.pk}/remove/", follow=True)
    assert "VMs in 2001:db8::/64 are not probed any more." in flat(gone)
    assert "Probe networks" in flat(as_admin.get("/console/"))


def test_an_operator_gives_the_address_of_a_vm(scene: dict[str, Any]) -> None:
    api, path = Api(scene["olga"]), f"/guests/{scene['web'].pk}"
    assert api.get(path).json()["probe_address"] is None
    assert api.patch(path, {"probe_address": "203.0.113.17"}).json()["probe_address"] == "203.0.113.17"
    refused = api.patch(path, {"probe_address": "127.0.0.1"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "probe_address")
    assert api.patch(path, {"policy": None}).json()["probe_address"] == "203.0.113.17"
    assert api.patch(path, {"probe_address": None}).json()["probe_address"] is None
    assert "gave 203.0.113.17 as the address of web-01 for probes" in told()
    assert "removed the address of web-01 for probes" in told()
    assert Api(scene["viewer"]).patch(path, {"probe_address": "203.0.113.17"}).status_code == 403


def test_on_the_page_of_the_vm(scene: dict[str, Any]) -> None:
    client, page = client_of(scene["olga"]), f"/vms/{scene['web'].pk}/"
    saved = client.post(f"{page}probe-address/", {"address": "203.0.113.17"}, follow=True)
    assert "Saved. It counts from the next migration on." in flat(saved)
    assert 'value="203.0.113.17"' in flat(client.get(page))
    wrong = client.post(f"{page}probe-address/", {"address": "web-01"}, follow=True)
    assert "Enter an IP address" in flat(wrong)
    assert ProbeAddress.objects.get().address == "203.0.113.17"
    client.post(f"{page}probe-address/", {"address": ""})
    assert not ProbeAddress.objects.exists()


def test_what_was_felt_stands_beside_the_downtime(scene: dict[str, Any], as_admin: Client, by_admin: Api) -> None:
    done = seed.make_migration(
        scene["idle"], scene["a"], scene["b"], State.DONE, call_made=True, downtime_ms=84, felt=FELT
    )
    page = flat(as_admin.get(f"/migrations/{done.pk}/"))
    assert "140 ms without an answer, 6 of 212 probes lost (203.0.113.17, probed from control-1)" in page
    answer = by_admin.get(f"/migrations/{done.pk}").json()
    assert (answer["felt"], answer["felt_reason"]) == (FELT, "")


def test_why_nothing_was_felt(scene: dict[str, Any], as_admin: Client, by_admin: Api) -> None:
    why = "No network is named in which VMs may be probed."
    done = seed.make_migration(scene["idle"], scene["a"], scene["b"], State.DONE, call_made=True, felt_reason=why)
    assert f"not measured. {why}" in flat(as_admin.get(f"/migrations/{done.pk}/"))
    answer = by_admin.get(f"/migrations/{done.pk}").json()
    assert (answer["felt"], answer["felt_reason"]) == (None, why)
    running = by_admin.get(f"/migrations/{scene['running'].pk}").json()
    assert (running["felt"], running["felt_reason"]) == (None, "The switchover is not over yet.")
