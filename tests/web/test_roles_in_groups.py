"""Roles for a group of hosts: who gets one and how, what they see and do there, and that nothing is told of other hosts."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from approvals.reading.approvals import visible_approvals, waiting_for
from hosts.models import Guest, Host, HostGroup
from hosts.usecases import groups
from kvmweb.accounts import teams
from kvmweb.accounts.models import Ownership, Team
from kvmweb.accounts.people import PersonRefused, Wanted, change_person
from kvmweb.accounts.permissions import IN_OTHER_GROUPS, Right, Role, may, visible
from kvmweb.journal.models import Entry
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, Preflight
from migrations_app.usecases.forget_guests import forget_guests
from tests.web import seed
from tests.web.api_client import Api, fields
from tests.web.conftest import client_of

OTHER = "host-of-others"
DEFINITION = (
    f"<domain type='kvm'><name>new</name><uuid>{seed.uuid_of('new')}</uuid><memory>1024</memory><vcpu>1</vcpu>"
    "<os><type>hvm</type></os></domain>"
)


@pytest.fixture
def place(scene: dict[str, Any]) -> dict[str, Any]:
    """kvm-a and kvm-b are in the group north, of which nora is operator; far-01 and two hosts are in south."""
    admin = scene["admin"]
    north, south = (groups.create_group(name, by=admin) for name in ("north", "south"))
    for name in ("a", "b"):
        Host.objects.filter(pk=scene[name].pk).update(group=north)
        scene[name].refresh_from_db()
    x, y = (seed.make_host(f"{OTHER}-{number}", number=20 + number, group=south) for number in (1, 2))
    far = seed.make_guest("far-01", x)
    moved = seed.make_migration(far, x, y, State.DONE)
    nora = seed.make_person("nora", None)
    nora.grants.create(role="operator", scope=f"group:{north.pk}")
    return scene | {"north": north, "south": south, "x": x, "y": y, "far": far, "moved": moved, "nora": nora}


def _add(user: Any, role: str, scope: str) -> Any:
    user.grants.create(role=role, scope=scope)
    return type(user).objects.get(pk=user.pk)  # what it may is read once


# --- giving and taking ------------------------------------------------------------------------------------------------


def test_given_on_the_command_line(place: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def make(scope: str, role: str = "operator") -> str:
        said = io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO("a-long-password\n"))
        call_command("create_user", "pia", "--role", role, "--scope", scope, "--password-stdin", stdout=said)
        return said.getvalue()

    assert make("group:north") == "pia is now operator of the group north.\n"
    assert make(f"group:{place['south'].pk}", "viewer").count("of the group") == 2
    for scope, role in (("group:east", "operator"), ("group:999", "viewer"), ("group:north", "admin")):
        with pytest.raises(CommandError, match="is not a scope of the role"):
            make(scope, role)


def test_given_over_the_api_and_told_in_the_journal(place: dict[str, Any]) -> None:
    api, north = Api(place["admin"]), f"group:{place['north'].pk}"
    made = api.post("/people", {"username": "pia", "grants": [{"role": "viewer", "scope": "group:north"}]})
    assert made.json()["grants"] == [{"role": "viewer", "scope": north}]
    assert "roles viewer of the group north" in str(Entry.objects.filter(kind="action").latest("id").text)
    assert api.patch("/people/pia", {"grants": [{"role": "operator", "scope": north}]}).status_code == 200
    assert "viewer of the group north → operator of the group north" in str(Entry.objects.latest("id").text)
    for scope, role in (("group:east", "viewer"), ("group:north", "auditor"), ("team:north", "viewer")):
        assert fields(api.patch("/people/pia", {"grants": [{"role": role, "scope": scope}]})) == ["grants"]
    mine = {item["name"]: item["id"] for item in api.items("/host-groups")}
    assert mine == {"north": place["north"].pk, "south": place["south"].pk}


def test_given_and_taken_on_the_page_of_a_person(place: dict[str, Any]) -> None:
    client, pia, north = client_of(place["admin"]), seed.make_person("pia", Role.VIEWER), f"group:{place['north'].pk}"
    page = f"/console/people/{pia.pk}/"
    client.post(f"{page}groups/", {"scope": north, "role": "operator"})
    client.post(f"{page}groups/", {"scope": f"group:{place['south'].pk}", "role": "viewer"})
    assert set(pia.grants.values_list("role", "scope")) == {
        ("viewer", ""),
        ("operator", north),
        ("viewer", f"group:{place['south'].pk}"),
    }
    assert "Remove the role for north" in client.get(page).content.decode()
    assert "operator of the group north" in client.get("/console/people/").content.decode()
    assert client.post(f"{page}groups/", {"scope": "group:999", "role": "operator"}).status_code == 422
    client.post(f"{page}groups/", {"scope": north, "remove": "yes"})
    assert not pia.grants.filter(scope=north).exists()


def test_a_deleted_group_takes_its_roles_along(place: dict[str, Any]) -> None:
    groups.remove_group(place["north"], by=place["admin"], reason="room is closed")
    assert not place["nora"].grants.exists()
    told = Entry.objects.filter(text__contains="operator of the group north → none").get()
    assert "changed the user nora" in told.text
    assert told.reason == "room is closed"


def test_a_scope_is_changed_without_the_others(place: dict[str, Any]) -> None:
    nora, south = place["nora"], f"group:{place['south'].pk}"
    change_person(nora, Wanted(there=(south, ["viewer"])), by=place["admin"])
    assert nora.grants.count() == 2
    with pytest.raises(PersonRefused):
        change_person(nora, Wanted(there=(south, ["admin"])), by=place["admin"])


# --- seeing -----------------------------------------------------------------------------------------------------------


def test_they_see_what_has_to_do_with_their_hosts(place: dict[str, Any]) -> None:
    api = Api(place["nora"])
    assert {host["name"] for host in api.items("/hosts")} == {"kvm-a", "kvm-b"}
    assert [group["name"] for group in api.items("/host-groups")] == ["north"]
    assert "far-01" not in {guest["name"] for guest in api.items("/guests")}
    assert place["moved"].pk not in {move["id"] for move in api.items("/migrations")}
    assert place["attention"].pk in {move["id"] for move in api.items("/migrations")}  # to a host of theirs
    for path in ("hosts/{x.pk}", "guests/{far.pk}", "migrations/{moved.pk}", "migrations/{moved.pk}/journal"):
        assert api.get(f"/{path.format(**place)}").status_code == 404, path
    assert fields(api.get("/guests", host=f"{OTHER}-1")) == ["host"]
    for path in ("/teams", "/journal", "/health", "/people", "/approval-rules"):
        assert api.get(path).status_code == 403, path
    for path in ("/policies", "/windows", "/blackouts", "/options", "/policy-choices"):
        assert api.get(path).status_code == 200, path


def test_a_report_is_for_those_who_could_have_asked(place: dict[str, Any]) -> None:
    api = Api(place["nora"])
    inside, out, coming = (
        seed.make_preflight(place[guest], place[target]) for guest, target in (("web", "b"), ("web", "x"), ("far", "a"))
    )
    assert api.get(f"/preflights/{inside.pk}").status_code == 200
    assert [api.get(f"/preflights/{one.pk}").status_code for one in (out, coming)] == [404, 404]


def test_texts_do_not_name_other_hosts(place: dict[str, Any]) -> None:
    words = f"{OTHER}-1 is not reachable (192.0.2.21); kvmweb cannot tell whether web-01 runs there. Ask kvm-b."
    finding = seed.FINDINGS[0] | {"summary": words, "affects": f"host {OTHER}-1", "evidence": {OTHER + "-2": words}}
    report = seed.make_preflight(place["web"], place["b"], findings=[finding])
    move = place["running"]
    Migration.objects.filter(pk=move.pk).update(findings=[finding], state_text=words, error={"cause": words})
    Host.objects.filter(pk=place["a"].pk).update(contact_text=f"This is the same machine as {OTHER}-1.")
    copy = seed.make_copy(seed.make_migration(place["web"], place["a"], place["b"], State.DONE), state_text=words)
    Entry.objects.create(topic=move.topic, kind="note", text=words, body={"error": words}, reason=words)
    addresses = (f"/hosts/{place['a'].pk}", f"/preflights/{report.pk}", f"/rollback-copies/{copy.pk}")
    addresses += (f"/migrations/{move.pk}", f"/migrations/{move.pk}/journal?limit=500")
    for who, named in ((place["nora"], False), (place["olga"], True)):
        api = Api(who)
        for address in addresses:
            said = api.get(address).content.decode()
            assert (OTHER in said) is named, (address, said)
            assert ("another host" in said) is not named
            assert "kvm-" in said
    client = client_of(place["nora"])
    pages = ["", f"hosts/{place['a'].pk}/", f"migrations/{move.pk}/", f"rollback-copies/{copy.pk}/"]
    for page in [*pages, f"preflights/{report.pk}/", f"vms/{place['web'].pk}/migrate/?preflight={report.pk}"]:
        answer = client.get(f"/{page}")
        assert (answer.status_code, OTHER in answer.content.decode()) == (200, False), page
    for record in (f"{move.pk}/record.json", f"{move.pk}/record.txt", "history.csv"):
        answer = client.get(f"/migrations/{record}")
        assert (answer.status_code, OTHER in answer.content.decode()) == (200, False), record
        assert "another host" in answer.content.decode(), record


def test_a_request_of_a_team_hides_the_hosts_that_were_not_chosen(place: dict[str, Any]) -> None:
    shop = teams.create_team("Shop", by=place["admin"])
    asked = seed.make_request(
        place["web"],
        shop,
        by=place["admin"],
        plan={"source": place["a"].pk, "target": place["x"].pk, "kind": "live", "options": {}, "findings": []},
        choice=[
            {"host": name, "fits": True, "why": f"{name} has memory.", "score": 1.0} for name in ("kvm-b", f"{OTHER}-1")
        ],
    )
    of_others = seed.make_request(place["far"], shop, by=place["admin"])
    api = Api(place["nora"])
    seen = api.get(f"/portal/requests/{asked.pk}").json()
    assert (seen["plan"]["source"], seen["plan"]["target"]) == ("kvm-a", "another host")
    assert [one["host"] for one in seen["choice"]] == ["kvm-b"]
    assert api.get(f"/portal/requests/{of_others.pk}").status_code == 404
    assert OTHER in json.dumps(Api(place["olga"]).get(f"/portal/requests/{asked.pk}").json())


def test_who_is_also_in_a_team_reads_its_vms_in_the_portal_only(place: dict[str, Any]) -> None:
    """As one of the team they must not learn where it is."""
    shop = Team.objects.create(name="Shop")
    Ownership.objects.create(guest=place["far"].pk, team=shop)
    nora = _add(place["nora"], "member", shop.scope)
    api = Api(nora)
    assert api.get(f"/guests/{place['far'].pk}").status_code == 404
    assert api.get(f"/migrations/{place['moved'].pk}").status_code == 404
    assert api.get(f"/portal/guests/{place['far'].pk}/terms").status_code == 200
    approval = seed.make_approval(place["far"])
    assert api.get(f"/approvals/{approval.pk}").json()["content"] is None
    among_admins = seed.make_approval(place["far"], subject=f"migration:{place['moved'].pk}")
    assert among_admins not in visible_approvals(nora)


# --- doing ------------------------------------------------------------------------------------------------------------


def test_a_migration_needs_the_right_for_the_vm_and_both_hosts(place: dict[str, Any]) -> None:
    api, idle = Api(place["nora"]), str(place["idle"].pk)
    unknown = api.post("/migrations", {"guest": idle, "target": "no-such-host"})
    for target in (f"{OTHER}-1", place["x"].pk):
        answer = api.post("/migrations", {"guest": idle, "target": target})
        assert answer.content == unknown.content  # as if it did not exist
        assert api.post("/preflights", {"guest": idle, "target": target}).status_code == 422
    assert api.post("/migrations", {"guest": str(place["far"].pk), "target": "kvm-a"}).status_code == 404
    assert api.post("/migrations", {"guest": idle, "target": "kvm-a"}).status_code == 201
    for source, target, wrong in (("kvm-a", f"{OTHER}-1", "target"), (f"{OTHER}-1", "kvm-a", "source")):
        asked = {"definition": DEFINITION, "source": source, "target": target}
        assert fields(api.post("/preflights", asked)) == [wrong]
    assert not Preflight.objects.filter(target__in=[place["x"], place["y"]]).exists()


def test_what_one_sees_and_may_not_do_is_refused_in_words(place: dict[str, Any]) -> None:
    """Viewer of north, operator of south."""
    vic = _add(seed.make_person("vic", None), "viewer", f"group:{place['north'].pk}")
    vic = _add(vic, "operator", f"group:{place['south'].pk}")
    api, running = Api(vic), place["running"].pk
    tried = (
        ("post", "/migrations", {"guest": str(place["idle"].pk), "target": "kvm-a"}),
        ("post", "/migrations", {"guest": str(place["far"].pk), "target": "kvm-a"}),
        ("post", "/preflights", {"guest": str(place["far"].pk), "target": "kvm-b"}),
        ("post", f"/migrations/{running}/cancel", {}),
        ("post", f"/migrations/{running}/look", {}),
        ("post", f"/migrations/{running}/orders", {"what": "finish"}),
        ("patch", f"/guests/{place['web'].pk}", {"consent": {"slow": "never"}}),
    )
    for method, path, body in tried:
        answer = getattr(api, method)(path, body)
        assert (answer.status_code, answer.json()["detail"]) == (403, IN_OTHER_GROUPS), path
    assert api.post("/migrations", {"guest": str(place["far"].pk), "target": f"{OTHER}-2"}).status_code == 201
    assert api.post(f"/hosts/{place['a'].pk}/refresh").status_code == 202
    assert api.patch(f"/hosts/{place['a'].pk}", {"user": "eve"}).status_code == 403


def test_a_migration_that_leaves_the_group_is_seen_and_not_steered(place: dict[str, Any]) -> None:
    move, api = place["attention"], Api(place["nora"])
    assert api.get(f"/migrations/{move.pk}").json()["source"] == "kvm-c"
    assert not may(place["nora"], Right.MOVE, move)
    assert may(place["nora"], Right.MOVE, place["running"])
    refused = api.post(f"/migrations/{move.pk}/cancel")
    assert (refused.status_code, refused.json()["detail"]) == (403, IN_OTHER_GROUPS)


def test_a_vm_is_theirs_where_it_is(place: dict[str, Any]) -> None:
    """Another host may have an old definition of it."""
    seed.see(place["far"], place["a"], state="shutoff")
    api = Api(place["nora"])
    assert api.get(f"/guests/{place['far'].pk}").json()["host"] == f"{OTHER}-1"
    assert api.patch(f"/guests/{place['far'].pk}", {"consent": {"slow": "never"}}).status_code == 403
    assert api.post("/migrations", {"guest": str(place["far"].pk), "target": "kvm-b"}).status_code == 403


def test_forgetting(place: dict[str, Any]) -> None:
    mine, left = seed.make_guest("old-a"), seed.make_guest("old-x")
    now = place["a"].seen_at
    seed.see(mine, place["a"], state="shutoff", gone=now)
    seed.see(left, place["a"], state="shutoff", gone=now)
    seed.see(left, place["x"], state="shutoff", gone=now.replace(year=now.year + 1))
    with pytest.raises(PermissionDenied, match=IN_OTHER_GROUPS):
        forget_guests([mine.pk, left.pk], by=place["nora"])
    assert list(forget_guests([mine.pk, place["far"].pk], by=place["nora"]).names) == ["old-a"]


def test_operators_of_a_group_do_not_decide_approvals(place: dict[str, Any]) -> None:
    approval = seed.make_approval(place["web"])
    assert approval in visible_approvals(place["nora"])
    assert list(waiting_for(place["nora"])) == []
    voted = Api(place["nora"]).post(f"/approvals/{approval.pk}/votes", {"vote": "approve", "plan": approval.plan_hash})
    assert (voted.status_code, voted.json()["detail"]) == (403, "It needs the approval of an operator.")


def test_a_host_that_leaves_the_group_takes_its_vms_along(place: dict[str, Any]) -> None:
    assert visible(Guest.objects.filter(pk=place["web"].pk), place["nora"]).exists()
    Host.objects.filter(pk=place["a"].pk).update(group=HostGroup.objects.get(name="south"))
    assert not visible(Guest.objects.filter(pk=place["web"].pk), place["nora"]).exists()
