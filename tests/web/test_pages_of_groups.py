"""What people with a role for a group of hosts meet in the browser: their hosts, the VMs there, and nothing of others."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.web import seed
from tests.web.conftest import client_of
from tests.web.groups import FOREIGN, two_groups
from tests.web.pages import flat

pytestmark = pytest.mark.django_db
_LINK = re.compile(r'(?:href|action|hx-get|data-migrate)="(/[^"#]*)')
#: what they do not open, or what ends the visit
_APART = ("/static/", "/accounts/", "/api/")


@pytest.fixture
def both() -> dict[str, Any]:
    return two_groups()


def walk(client: Client) -> dict[str, Any]:
    """Every page that links lead to, from the dashboard on; forms are not sent."""
    found: dict[str, Any] = {}
    ahead = ["/", "/search/?q=kvm", "/search/?q=idle"]
    while ahead:
        address = ahead.pop()
        if address in found or address.startswith(_APART) or "sort=" in address:
            continue
        found[address] = answer = client.get(address)
        if "text/html" in answer.get("Content-Type", ""):
            ahead += [link.replace("&amp;", "&") for link in _LINK.findall(answer.content.decode())]
    return found


@pytest.mark.parametrize("name", ["nora", "mo"])
def test_no_page_names_what_belongs_to_others_and_every_link_leads_somewhere(both: dict[str, Any], name: str) -> None:
    """Also: buttons that somebody may not use are not there."""
    pages = walk(client_of(both[name]))
    assert len(pages) > 40
    fine = (200, 302, 405)  # what takes POST only is the address of a form
    assert {address: answer.status_code for address, answer in pages.items() if answer.status_code not in fine} == {}
    told = {address: re.findall(rf".*{FOREIGN}.*", answer.content.decode()) for address, answer in pages.items()}
    assert bool([lines for lines in told.values() if lines]) is (name == "mo"), told


ADDRESSES = {
    "host": "host", "pool": "pool", "vm": "guest", "vm-migrate": "guest", "migration": "move", "migration-record": "move",
    "migration-record-text": "move",
    "migration-samples": "move", "migration-numbers": "move", "preflight": "report", "rollback-copy": "copy",
    "approval": "approval", "request": "request", "portal-terms": "guest",
}  # fmt: skip


@pytest.mark.parametrize("name", ["nora", "vic"])
def test_what_belongs_to_others_does_not_exist(both: dict[str, Any], name: str) -> None:
    client = client_of(both[name])
    for side, answer in (("south", 404), ("north", 200)):
        objects = both[side] | {"guest": both[side]["guests"]["idle"], "move": both[side]["moves"]["done"]}
        for page, what in ADDRESSES.items():
            if page == "vm-migrate" and name == "vic":
                continue
            got = client.get(reverse(page, args=[objects[what].pk]))
            assert (got.status_code, FOREIGN in got.content.decode()) == (answer, False), (side, page)


def test_what_changes_something_refuses_others(both: dict[str, Any]) -> None:
    client, south = client_of(both["nora"]), both["south"]
    for page, what in (
        ("host-refresh", south["host"]),
        ("pool-volumes", south["pool"]),
        ("vm-preflight", south["guests"]["idle"]),
        ("vm-migrate", south["guests"]["idle"]),
        ("policy-of-vm", south["guests"]["idle"]),
        ("migration-cancel", south["moves"]["running"]),
        ("migration-order", south["moves"]["running"]),
        ("migration-look", south["moves"]["queued"]),
    ):
        assert client.post(reverse(page, args=[what.pk]), {"reason": "x"}).status_code == 404, page


def test_lists_say_whose_hosts_they_show(both: dict[str, Any]) -> None:
    for name, words in (("nora", "North"), ("mo", "North and South")):
        client = client_of(both[name])
        assert f"Only hosts of {words}" in flat(client.get("/"))
        assert f"Only hosts of {words}" in flat(client.get("/hosts/"))
        assert f"Only on hosts of {words}" in flat(client.get("/vms/"))
        assert f"Only from or to hosts of {words}" in flat(client.get("/migrations/"))
        assert f"Only on hosts of {words}" in flat(client.get("/rollback-copies/"))
    assert " of North" not in flat(client_of(both["admin"]).get("/vms/"))


def test_numbers_count_only_what_is_seen(both: dict[str, Any]) -> None:
    page = flat(client_of(both["nora"]).get("/"))
    assert "3 migrations running or waiting" in page
    assert "1 VM is gone" in flat(client_of(both["nora"]).get("/vms/"))
    assert "6 migrations running or waiting" in flat(client_of(both["mo"]).get("/"))


def test_a_viewer_of_one_and_operator_of_another_operates_only_there(both: dict[str, Any]) -> None:
    client = client_of(both["mo"])
    seen, own = both["north"]["guests"]["idle"], both["south"]["guests"]["idle"]
    rows = flat(client.get("/vms/"))
    for guest, operated in ((seen, False), (own, True)):
        migrate = reverse("vm-migrate", args=[guest.pk])
        assert (f'href="{migrate}"' in rows) is operated
        assert (f'data-migrate="{migrate}"' in rows) is operated
        page = flat(client.get(reverse("vm", args=[guest.pk])))
        assert (migrate in page) is operated
        assert (reverse("policy-of-vm", args=[guest.pk]) in page) is operated
        assert client.get(migrate).status_code == (200 if operated else 403)
    for side, operated in (("north", False), ("south", True)):
        running = both[side]["moves"]["running"]
        page = flat(client.get(reverse("migration", args=[running.pk])))
        assert (reverse("migration-cancel", args=[running.pk]) in page) is operated
        host = flat(client.get(reverse("host", args=[both[side]["host"].pk])))
        assert reverse("host-refresh", args=[both[side]["host"].pk]) in host
        assert ("data-migrate" in host) is operated


def test_destinations_are_hosts_that_one_operates(both: dict[str, Any]) -> None:
    own, foreign = both["south"], both["north"]
    page = flat(client_of(both["mo"]).get(reverse("vm-migrate", args=[own["guests"]["idle"].pk])))
    assert f'data-host="{own["other"]}"' in page
    assert f'data-host="{foreign["other"]}"' not in page
    looks = flat(client_of(both["mo"]).get(reverse("vm", args=[own["guests"]["idle"].pk])))
    assert f"Migrate to {own['other']}" in looks
    assert f"Migrate to {foreign['other']}" not in looks


def test_a_vm_that_runs_elsewhere_and_is_defined_here_says_where_it_is(both: dict[str, Any]) -> None:
    guest, host = both["north"]["guests"]["off"], both["south"]["host"]
    seed.see(guest, host)
    page = flat(client_of(both["nora"]).get(reverse("vm", args=[guest.pk])))
    assert f"{guest} on {host} – kvmweb" in page
    assert "No host reports it" not in page
    assert reverse("vm-migrate", args=[guest.pk]) not in page
    assert reverse("host", args=[host.pk]) not in page


def test_a_vm_that_is_elsewhere_now_has_no_page_but_its_migration_has(both: dict[str, Any]) -> None:
    """Its migration away from here names where it went, without a link."""
    north, south = both["north"], both["south"]
    guest, move = north["guests"]["idle"], north["moves"]["done"]
    guest.sightings.update(host=south["host"])
    move.source, move.target = north["host"], south["host"]
    move.save()
    client = client_of(both["nora"])
    assert client.get(reverse("vm", args=[guest.pk])).status_code == 404
    page = flat(client.get(reverse("migration", args=[move.pk])))
    assert south["host"].name in page
    assert reverse("vm", args=[guest.pk]) not in page
