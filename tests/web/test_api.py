"""The API: permissions, lists, errors. Migrations are in test_api_migrations.py."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from hosts.models import Errand, Guest, Host
from kvmweb.accounts.models import Token
from kvmweb.journal.models import Entry
from tests.web import seed
from tests.web.api_client import Api, check_problem, fields

NOWHERE = "3dc6cab7-ec44-45b9-b29a-b5c453f78259"
READS = ["/hosts", "/guests", "/migrations"]
HOST: dict[str, Any] = {"name": "kvm-n", "transport": "tcp", "address": "192.0.2.77"}


@pytest.fixture
def api(scene: dict[str, Any]) -> Api:
    return Api(scene["olga"])


@pytest.fixture
def by_admin(scene: dict[str, Any]) -> Api:
    return Api(scene["admin"])


# --- who ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", READS)
def test_without_a_token_it_says_how_to_send_one(scene: dict[str, Any], path: str) -> None:
    answer = Api().get(path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer kvmweb_wrong", "Basic b2xnYTpvbGdh", "kvmweb_x", "Bearer \xff\xfe", "Bearer a b"],
)
def test_a_wrong_token_is_none(scene: dict[str, Any], header: str) -> None:
    answer = Client().get("/api/v1/hosts", headers={"Authorization": header})
    assert answer.status_code == 401
    check_problem(answer)


def test_a_login_does_not_open_the_api(scene: dict[str, Any]) -> None:
    client = Client()
    client.force_login(scene["admin"], backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/v1/hosts").status_code == 401
    assert client.post("/api/v1/hosts", HOST, content_type="application/json").status_code == 401
    assert not Host.objects.filter(name="kvm-n").exists()


def test_an_expired_token_and_one_of_somebody_who_left_are_refused(scene: dict[str, Any]) -> None:
    api = Api(scene["olga"])
    assert api.get("/hosts").status_code == 200
    Token.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert api.get("/hosts").status_code == 401
    Token.objects.update(expires=None)
    scene["olga"].is_active = False
    scene["olga"].save()
    assert api.get("/hosts").status_code == 401


def test_a_token_is_stored_as_a_hash_and_tells_when_it_was_used(scene: dict[str, Any]) -> None:
    text = Token.issue(scene["olga"])
    token = Token.objects.get()
    assert text not in (token.digest, token.prefix)
    assert token.last_used is None
    assert Client().get("/api/v1/hosts", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    token.refresh_from_db()
    assert token.last_used is not None


@pytest.mark.parametrize("path", [*READS, f"/guests/{NOWHERE}", "/hosts/1", "/migrations/1", "/migrations/1/journal"])
def test_a_login_without_a_role_sees_nothing(scene: dict[str, Any], path: str) -> None:
    answer = Api(seed.make_person("stan", None)).get(path)
    assert answer.status_code == 403
    assert "role" in answer.json()["detail"]


@pytest.mark.parametrize("path", READS)
def test_every_role_reads(scene: dict[str, Any], path: str) -> None:
    for person in ("viewer", "olga", "admin"):
        assert Api(scene[person]).get(path).status_code == 200


def test_only_an_admin_registers_hosts(scene: dict[str, Any]) -> None:
    for person in ("viewer", "olga"):
        answer = Api(scene[person]).post("/hosts", HOST)
        assert answer.status_code == 403
        assert "admin" in answer.json()["detail"]
    assert not Host.objects.filter(name="kvm-n").exists()


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/nothing", "/hosts/", "/hosts/x/y", "/../admin/", "/migrations/1/2/3"])
def test_an_unknown_address_is_a_problem_too(api: Api, path: str) -> None:
    assert api.get(path).status_code == 404


def test_a_wrong_method_is_a_problem_that_names_the_right_ones(api: Api) -> None:
    answer = api.client.delete("/api/v1/hosts", headers=api.headers)
    assert answer.status_code == 405
    check_problem(answer)
    assert set(answer["Allow"].split(", ")) == {"GET", "POST"}
    assert api.post("/guests", {}).status_code == 405


def test_an_address_of_another_host_name_is_a_problem(api: Api) -> None:
    answer = api.client.get("/api/v1/hosts", headers={**api.headers, "Host": "evil.example"})
    assert answer.status_code == 400
    check_problem(answer)


@pytest.mark.parametrize("body", ["", "{", "null", "[]", '"x"', "\xff", "{'a': 1}", b"\xff\xfe\x00", "[" * 2000, "NaN"])
def test_a_body_that_is_no_json_object_is_refused(by_admin: Api, body: Any) -> None:
    assert by_admin.post("/hosts", body).status_code in (400, 422)


def test_a_body_too_large_is_refused(by_admin: Api) -> None:
    assert by_admin.post("/hosts", {**HOST, "reason": "x" * 1_100_000}).status_code == 413


def test_a_mistake_of_ours_is_a_problem_without_its_details(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("hosts.api.paged", broken)
    answer = api.get("/guests")
    assert answer.status_code == 200
    answer = api.client.get("/api/v1/hosts", headers=api.headers)
    assert answer.status_code == 500
    check_problem(answer)
    assert b"secret detail" not in answer.content
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "9" * 30, "9" * 5000, "%00", "١"])
def test_strange_numbers_are_not_found_or_do_not_fit(api: Api, number: str) -> None:
    for path in (f"/hosts/{number}", f"/migrations/{number}", f"/preflights/{number}", f"/migrations/{number}/journal"):
        assert api.get(path).status_code in (404, 422)


# --- hosts ----------------------------------------------------------------------------------------------------------


def test_a_host_says_what_was_seen_and_when(api: Api, scene: dict[str, Any]) -> None:
    host = api.get(f"/hosts/{scene['a'].pk}").json()
    assert host["name"] == "kvm-a"
    assert (host["libvirt"], host["qemu"]) == ("9.0.0", "7.2.0")
    assert (host["memory_total_mib"], host["memory_free_mib"]) == (8192, 4096)
    assert host["contact"] == "answers"
    assert host["host_uuid"] == str(scene["a"].host_uuid)
    assert host["seen_at"].endswith("Z")
    away = api.get(f"/hosts/{scene['c'].pk}").json()
    assert away["contact"] == "away"
    assert away["contact_text"].endswith("libvirtd Details: Failed to connect socket: Connection refused")
    Host.objects.filter(pk=scene["c"].pk).update(contact=Host.Contact.DENIED)
    assert api.get(f"/hosts/{scene['c'].pk}").json()["contact"] == "denied"


def test_an_admin_registers_a_host(by_admin: Api) -> None:
    answer = by_admin.post("/hosts", {**HOST, "peer_address": "kvm-n.lab", "migration_address": "198.51.100.9"})
    assert answer.status_code == 201
    host = Host.objects.get(name="kvm-n")
    assert answer["Location"] == f"/api/v1/hosts/{host.pk}"
    assert answer.json()["contact"] == "never"
    assert by_admin.get(f"/hosts/{host.pk}").json() == answer.json()


def test_the_reason_of_a_registration_is_in_the_journal(by_admin: Api) -> None:
    pk = by_admin.post("/hosts", {**HOST, "reason": "new rack"}).json()["id"]
    entry = Entry.objects.get(topic=f"host:{pk}", kind="action")
    assert (entry.actor_name, entry.reason) == ("ada", "new rack")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "kvm-a"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": None}, "name"),
        ({"transport": "ext"}, "transport"),
        ({"address": "qemu+tcp://x/system"}, "address"),
        ({"address": "-oProxyCommand=x"}, "address"),
        ({"address": ""}, "address"),
        ({"port": 0}, "port"),
        ({"port": 70000}, "port"),
        ({"uri": "qemu+tcp://x/system"}, "uri"),
        ({"migration_address": "127.0.0.1"}, "migration_address"),
        ({"reason": "\u001b[31m"}, "reason"),
        ({"reason": "\ud800"}, "reason"),
    ],
)
def test_a_host_that_does_not_fit_names_the_field(by_admin: Api, change: dict[str, Any], field: str) -> None:
    before = Host.objects.count()
    assert fields(by_admin.post("/hosts", {**HOST, **change})) == [field]
    assert Host.objects.count() == before


def test_a_refresh_is_an_errand_and_one_that_waits_is_not_doubled(api: Api, scene: dict[str, Any]) -> None:
    first = api.post(f"/hosts/{scene['a'].pk}/refresh")
    assert first.status_code == 202
    again = api.post(f"/hosts/{scene['a'].pk}/refresh")
    assert again.json() == first.json()
    assert Errand.objects.filter(host=scene["a"], what="refresh").count() == 1
    assert api.post("/hosts/999999/refresh").status_code == 404


# --- guests and lists -------------------------------------------------------------------------------------------------


def test_a_guest_says_where_it_is(api: Api, scene: dict[str, Any]) -> None:
    guest = api.get(f"/guests/{scene['web'].pk}").json()
    assert (guest["name"], guest["host"], guest["host_id"], guest["state"]) == (
        "web-01",
        "kvm-a",
        scene["a"].pk,
        "running",
    )
    assert (guest["memory_mib"], guest["vcpus"], guest["stale"]) == (4096, 4, False)
    assert guest["disks"][0]["target"] == "vda"
    lost = api.get(f"/guests/{scene['lost'].pk}").json()
    assert (lost["host"], lost["stale"]) == ("kvm-c", True)


def test_a_guest_with_an_active_migration_names_it(api: Api, scene: dict[str, Any]) -> None:
    running = scene["running"]
    assert api.get(f"/guests/{running.guest_id}").json()["migration"] == running.pk
    assert api.get(f"/guests/{scene['done'].guest_id}").json()["migration"] != scene["done"].pk


def test_an_unknown_guest_is_not_found(api: Api) -> None:
    assert api.get(f"/guests/{NOWHERE}").status_code == 404
    assert api.get("/guests/nonsense").status_code == 422


def test_guests_by_host_name_or_id_and_by_words(api: Api, scene: dict[str, Any]) -> None:
    on_b = {guest["name"] for guest in api.items("/guests", host="kvm-b")}
    assert {"idle-01", "build-07", "archive"} <= on_b
    assert "web-01" not in on_b
    assert {guest["name"] for guest in api.items("/guests", host=scene["b"].pk)} == on_b
    assert [guest["name"] for guest in api.items("/guests", q="EB-0")] == ["web-01"]
    assert [guest["name"] for guest in api.items("/guests", q=str(scene["web"].pk))] == ["web-01"]
    assert [guest["name"] for guest in api.items("/guests", q="Shop front")] == ["web-01"]
    assert api.items("/guests", q="%") == []


def test_hostile_names_stay_text(api: Api, scene: dict[str, Any]) -> None:
    assert api.get(f"/guests/{scene['hostile'].pk}").json()["name"] == seed.HOSTILE


@pytest.mark.parametrize("path", READS)
def test_pages_of_a_list_hold_every_item_once(api: Api, scene: dict[str, Any], path: str) -> None:
    key = "uuid" if path == "/guests" else "id"
    everything = [item[key] for item in api.items(path)]
    assert len(everything) > 3
    walked: list[Any] = []
    after = ""
    while True:
        page = api.get(path, limit=2, after=after).json()
        assert len(page["items"]) <= 2
        walked += [item[key] for item in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert walked == everything


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("limit", "after"), [(0, ""), (501, ""), ("x", ""), (2, "nonsense"), (2, "x" * 200), (2, "a\u0000")]
)
def test_a_page_that_does_not_fit_is_refused(api: Api, path: str, limit: Any, after: str) -> None:
    assert fields(api.get(path, limit=limit, after=after)) == ["after" if limit == 2 else "limit"]


def test_a_list_costs_the_same_however_long_it_is(
    api: Api, scene: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        seed.make_guest(f"more-{number:02}", scene["a"])
    assert Guest.objects.count() > 20
    with django_assert_max_num_queries(8):
        api.items("/guests")
    with django_assert_max_num_queries(6):
        api.items("/migrations")


def test_polling_is_not_limited(api: Api) -> None:
    assert {api.get("/migrations", active="true").status_code for _ in range(60)} == {200}


# --- the document -----------------------------------------------------------------------------------------------------


def test_the_document_is_open_and_names_every_problem_of_every_operation(client: Client) -> None:
    document = json.loads(client.get("/api/v1/openapi.json").content)
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            said = operation["responses"]
            assert {"400", "401", "403", "404", "405", "413", "422", "500", "503"} <= set(said), f"{method} {path}"
            for status in (status for status in said if int(status) >= 400):
                assert list(said[status]["content"]) == ["application/problem+json"]
            assert operation["security"] == [{"TokenAuth": []}]
    assert "409" in document["paths"]["/api/v1/migrations"]["post"]["responses"]


def test_a_misspelt_parameter_is_refused(api: Api) -> None:
    """It was passed over, and the answer was everything."""
    assert fields(api.get("/migrations", activ="true")) == ["activ"]
    assert fields(api.get("/guests", host_="kvm-a")) == ["host_"]
    assert fields(api.get("/hosts/1", verbose="1")) == ["verbose"]
    assert fields(api.post("/preflights?wait=1", {})) == ["wait"]
    assert api.get("/migrations", active="true", limit="3").status_code == 200


def test_an_unknown_host_is_not_a_host_without_guests(api: Api) -> None:
    for host in ("kvm-aa", "99999", "-1"):
        assert fields(api.get("/guests", host=host)) == ["host"]
