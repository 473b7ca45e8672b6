"""Groups of hosts: a host joins one like any of its fields changes; a site is all that people of teams read of a host."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from hosts.models import Host, HostGroup
from hosts.reading.groups import site_of
from hosts.usecases import groups
from hosts.usecases.ask import ask_introduction
from hosts.usecases.errors import HostRefused
from hosts.usecases.register_host import change_host, register_host
from hosts.usecases.remove_host import remove_host
from kvmweb.journal.models import Entry
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.worker.slots import why_not
from tests.web import seed
from tests.web.api_client import Api
from tests.web.conftest import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.dual]


@pytest.fixture
def north(admin: User) -> HostGroup:
    return groups.create_group("north", "Site north", by=admin)


def test_a_host_joins_and_leaves(admin: User, north: HostGroup) -> None:
    fields = {"name": "kvm-a", "transport": "tcp", "address": "192.0.2.1"}
    host = register_host({**fields, "group": "north"}, by=admin)  # type: ignore[typeddict-item]
    assert site_of(host) == "Site north"
    change_host(host, {"user": ""}, by=admin)
    assert Host.objects.get().group == north  # what is not given stays
    changed = change_host(host, {"group": ""}, by=admin)
    assert (changed.group, site_of(changed)) == (None, "")
    assert "group north → none" in str(Entry.objects.filter(kind="action").latest("id").text)
    with pytest.raises(HostRefused) as refused:
        change_host(host, {"group": "south"}, by=admin)
    assert refused.value.field == "group"


def test_a_tested_connection_keeps_the_group_of_the_form(admin: User, north: HostGroup) -> None:
    fields = {"transport": "tcp", "address": "192.0.2.1", "group": "north"}
    assert ask_introduction(fields, by=admin).fields["group"] == "north"  # type: ignore[arg-type]


def test_a_group_goes_and_its_hosts_stay(admin: User, north: HostGroup) -> None:
    host = seed.make_host("kvm-a", group=north)
    groups.remove_group(north, by=admin)
    assert Host.objects.get(pk=host.pk).group is None
    host.refresh_from_db()
    remove_host(host, by=admin)


@pytest.mark.parametrize(("name", "field"), [("NORTH", "name"), ("a/b", "name"), ("17", "name"), ("", "name")])
def test_a_bad_name(admin: User, north: HostGroup, name: str, field: str) -> None:
    with pytest.raises(HostRefused) as refused:
        groups.create_group(name, by=admin)
    assert refused.value.field == field


def test_a_bad_site(admin: User, north: HostGroup) -> None:
    for site in ("two\nlines", "\u202enorth", "x" * 64):
        with pytest.raises(HostRefused):
            groups.change_group(north, site=site, by=admin)
    with pytest.raises(PermissionDenied):
        groups.change_group(north, site="South", by=User.objects.create_user("nobody"))
    assert HostGroup.objects.get().site == "Site north"


def test_over_the_api(admin: User) -> None:
    api, host = Api(admin), seed.make_host("kvm-a")
    made = api.post("/host-groups", {"name": "north", "site": "Site north"})
    assert (made.status_code, made["Location"]) == (201, "/api/v1/host-groups/north")
    assert api.patch(f"/hosts/{host.pk}", {"group": "north"}).json()["group"] == "north"
    north = {"id": HostGroup.objects.get().pk, "name": "north", "site": "Site north", "hosts": ["kvm-a"]}
    assert api.get("/host-groups").json()["items"] == [north]
    assert api.patch("/host-groups/north", {"name": "upper"}).json()["site"] == "Site north"
    assert api.get(f"/hosts/{host.pk}").json()["group"] == "upper"
    assert api.patch(f"/hosts/{host.pk}", {"group": "lower"}).status_code == 422
    assert api.patch(f"/hosts/{host.pk}", {"transport": "carrier pigeon"}).status_code == 422
    assert api.delete("/host-groups/upper").status_code == 204
    assert api.get(f"/hosts/{host.pk}").json()["group"] == ""


def test_on_the_pages(admin: User, north: HostGroup) -> None:
    client, host = client_of(admin), seed.make_host("kvm-a")
    answer = client.post(
        f"/hosts/{host.pk}/edit/",
        {"name": "kvm-a", "transport": "ssh", "address": "192.0.2.1", "user": "root", "group": "north"},
    )
    assert answer.status_code == 302
    assert "north: Site north" in client.get(f"/hosts/{host.pk}/").content.decode()
    assert '<option value="north" selected>' in client.get(f"/hosts/{host.pk}/edit/").content.decode()
    assert "1 host\n" in client.get("/hosts/groups/").content.decode()
    assert client.post("/hosts/groups/add/", {"name": "north"}).status_code == 422
    assert client.post(f"/hosts/groups/{north.pk}/change/", {"name": "a b", "site": ""}).status_code == 422
    assert client.post(f"/hosts/groups/{north.pk}/change/", {"name": "upper", "site": ""}).status_code == 302
    assert client.post(f"/hosts/groups/{north.pk}/delete/").status_code == 302
    assert not HostGroup.objects.exists()


def test_what_waits_for_a_slot_names_only_vms_that_all_its_readers_see(db: None) -> None:
    north, south = (HostGroup.objects.create(name=name) for name in ("north", "south"))
    a, b, c = (seed.make_host(f"kvm-{n}", number=i, group=group) for i, (n, group) in
               enumerate({"a": north, "b": south, "c": None}.items(), start=1))  # fmt: skip
    waiting = seed.make_migration(seed.make_guest("db-01", a), a, b, State.QUEUED)
    running = seed.make_migration(seed.make_guest("web-01", a), a, b, State.COPYING_MEMORY)
    assert why_not(waiting) == "Waiting for a free slot: web-01 is migrating from kvm-a."
    Migration.objects.filter(pk=running.pk).update(target=c)  # people of the south do not see it
    assert why_not(waiting) == "Waiting for a free slot: 1 VM is migrating from kvm-a."
    seed.make_migration(seed.make_guest("web-02", a), a, b, State.COPYING_MEMORY)
    assert why_not(waiting) == "Waiting for a free slot: web-02 and 1 other VM are migrating from kvm-a."
