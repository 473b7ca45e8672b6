"""Policies over the API: who may change them, what is refused, and which one a migration gets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kvmweb.journal.models import Entry
from migrations_app.models import Decision, Migration, Policy
from tests.web import seed
from tests.web.api_client import Api, fields

FULL = {
    "name": "night shift",
    "start_downtime_ms": 50,
    "ladder_ms": [80, 1000],
    "stall_window_s": 20,
    "patience_s": 0,
    "deadline_s_per_gib": 100,
    "deadline_max_s": 3600,
    "last_resort": "throttle",
    "resume_post_copy": False,
    "shadow": True,
}


@pytest.fixture
def api(scene: dict[str, Any]) -> Api:
    return Api(scene["olga"])


@pytest.fixture
def by_admin(scene: dict[str, Any]) -> Api:
    return Api(scene["admin"])


def _policy(name: str, **fields: Any) -> Policy:
    return Policy.objects.create(**{**FULL, "shadow": False, **fields, "name": name})


# --- the policies themselves ------------------------------------------------------------------------------------------


def test_four_come_with_kvmweb_and_everybody_reads_them(scene: dict[str, Any]) -> None:
    for person in ("viewer", "olga", "admin"):
        api = Api(scene[person])
        found = api.items("/policies")
        assert [(row["name"], row["built_in"]) for row in found] == [
            ("gentle", True), ("large VM", True), ("must finish", True), ("post-copy", True),
        ]  # fmt: skip
        assert api.get("/policies/large%20VM").json() == found[1]
    assert set(found[0]) == {*FULL, "built_in"}
    assert (found[0]["ladder_ms"], found[0]["last_resort"]) == ([150, 200, 300, 400, 500], "abort")
    assert api.get("/policies/Gentle").status_code == 404


def test_an_admin_makes_one(by_admin: Api) -> None:
    made = by_admin.post("/policies", {**FULL, "reason": "kernels at night"})
    assert made.status_code == 201
    assert made.json() == {**FULL, "built_in": False}
    assert made["Location"] == "/api/v1/policies/night%20shift"
    assert by_admin.client.get(made["Location"], headers=by_admin.headers).json() == made.json()
    entry = Entry.objects.get(topic="policies")
    assert (entry.actor_name, entry.reason) == ("ada", "kernels at night")
    assert entry.text == (
        "ada made the policy “night shift”. Allows 50 ms of downtime and up to 1,000 ms when copying stalls. When nothing"
        " helps, the migration starts again, and QEMU may slow the VM's CPUs down. Shadow mode: it only says what it would do."
    )


def test_what_is_left_out_is_as_in_gentle(by_admin: Api) -> None:
    made = by_admin.post("/policies", {"name": "mine"}).json()
    assert made == {**by_admin.get("/policies/gentle").json(), "name": "mine", "built_in": False}


def test_any_subset_can_be_changed(by_admin: Api) -> None:
    _policy("mine")
    answer = by_admin.patch("/policies/mine", {"patience_s": 7, "name": "ours", "built_in": False})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["patience_s"], answer.json()["stall_window_s"]) == ("ours", 7, 20)
    assert by_admin.get("/policies/mine").status_code == 404
    assert (
        Entry.objects.get(topic="policies").text
        == "ada changed the policy “mine”: name mine → ours, patience 0 s → 7 s."
    )
    assert by_admin.patch("/policies/ours", {}).status_code == 200
    assert Entry.objects.filter(topic="policies").count() == 1


def test_a_built_in_one_keeps_its_name(by_admin: Api) -> None:
    assert by_admin.patch("/policies/gentle", {"patience_s": 60, "shadow": True}).json()["shadow"] is True
    assert fields(by_admin.patch("/policies/gentle", {"name": "rough"})) == ["name"]
    assert by_admin.patch("/policies/gentle", {"name": "gentle"}).status_code == 200
    assert fields(by_admin.patch("/policies/gentle", {"built_in": False})) == ["built_in"]
    assert fields(by_admin.post("/policies", {"name": "mine", "built_in": True})) == ["built_in"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start_downtime_ms", 0),
        ("start_downtime_ms", 2_000_001),
        ("start_downtime_ms", True),
        ("start_downtime_ms", "100"),
        ("start_downtime_ms", 10**30),
        ("ladder_ms", [200, 150]),
        ("ladder_ms", [200, 200]),
        ("ladder_ms", [50]),
        ("ladder_ms", [100, 2_000_001]),
        ("ladder_ms", list(range(100, 121))),
        ("ladder_ms", "200"),
        ("ladder_ms", [None]),
        ("stall_window_s", 0),
        ("patience_s", -1),
        ("deadline_s_per_gib", 0),
        ("deadline_max_s", 59),
        ("resume_post_copy", "yes"),
        ("last_resort", "pray"),
        ("shadow", "yes"),
        ("name", ""),
        ("name", "   "),
        ("name", "a/b"),
        ("name", ".."),
        ("name", "x" * 64),
        ("name", "a\nb"),
        ("name", "a\u202eb"),
        ("name", "GENTLE"),
        ("colour", "red"),
    ],
)
def test_what_is_out_of_bounds_is_refused_at_its_field(by_admin: Api, field: str, value: Any) -> None:
    _policy("mine", start_downtime_ms=50)
    before = Policy.objects.get(name="mine").data
    for answer in (
        by_admin.post("/policies", {"name": "new", field: value}),
        by_admin.patch("/policies/mine", {field: value}),
    ):
        assert {name.partition(".")[0] for name in fields(answer)} == {field}
        assert answer.json()["detail"]
    assert Policy.objects.get(name="mine").data == before
    assert not Policy.objects.filter(name="new").exists()


def test_only_admins_change_them(scene: dict[str, Any]) -> None:
    for person in ("viewer", "olga"):
        api = Api(scene[person])
        for answer in (
            api.post("/policies", FULL),
            api.patch("/policies/gentle", {"patience_s": 1}),
            api.delete("/policies/gentle"),
            api.put("/policy-choices/installation", {"policy": "large VM"}),
            api.put(f"/policy-choices/hosts/{scene['a'].pk}", {"policy": "large VM"}),
        ):
            assert answer.status_code == 403
    assert not Entry.objects.filter(topic="policies").exists()


def test_one_that_nothing_uses_can_be_removed(by_admin: Api, scene: dict[str, Any]) -> None:
    _policy("mine")
    by_admin.put("/policy-choices/hosts/kvm-a", {"policy": "mine"})
    refused = by_admin.delete("/policies/mine")
    assert refused.status_code == 409
    assert "kvm-a" in refused.json()["detail"]
    by_admin.put("/policy-choices/hosts/kvm-a", {"policy": None})
    assert by_admin.delete("/policies/mine").status_code == 204
    assert by_admin.delete("/policies/mine").status_code == 404
    assert by_admin.delete("/policies/gentle").status_code == 409


@pytest.mark.parametrize("name", ["%00", "a%0Ab", "%E2%80%AE", "x" * 64, "..", "%2e%2e", "a%2Fb", "%ff", "'; --"])
def test_an_address_with_a_name_that_cannot_be(by_admin: Api, name: str) -> None:
    for answer in (by_admin.get(f"/policies/{name}"), by_admin.delete(f"/policies/{name}")):
        assert answer.status_code in (404, 405, 422)
    assert by_admin.put(f"/policy-choices/hosts/{name}", {"policy": "gentle"}).status_code in (404, 405, 422)


# --- where they apply -------------------------------------------------------------------------------------------------


def test_where_which_is_set(by_admin: Api, api: Api, scene: dict[str, Any]) -> None:
    all_of_it = {"guest": None, "guest_name": None, "host": None, "host_id": None, "policy": "gentle"}
    assert api.items("/policy-choices") == [all_of_it]
    assert by_admin.put("/policy-choices/installation", {"policy": "large VM"}).json()["policy"] == "large VM"
    of_host = by_admin.put("/policy-choices/hosts/kvm-a", {"policy": "must finish", "reason": "old machine"}).json()
    assert (of_host["host"], of_host["host_id"], of_host["policy"]) == ("kvm-a", scene["a"].pk, "must finish")
    assert api.patch(f"/guests/{scene['idle'].pk}", {"policy": "gentle"}).json()["policy"] == "gentle"
    assert [(row["host"], row["guest_name"], row["policy"]) for row in api.items("/policy-choices")] == [
        (None, None, "large VM"), ("kvm-a", None, "must finish"), (None, "idle-01", "gentle"),
    ]  # fmt: skip
    entry = Entry.objects.get(topic=f"host:{scene['a'].pk}", kind="action")
    assert (entry.text, entry.reason) == ("ada chose the policy “must finish” for kvm-a.", "old machine")
    assert by_admin.put(f"/policy-choices/hosts/{scene['a'].pk}", {"policy": None}).json()["policy"] is None
    assert len(api.items("/policy-choices")) == 2


def test_a_choice_that_cannot_be(by_admin: Api, scene: dict[str, Any]) -> None:
    for path in ("installation", "hosts/kvm-a"):
        assert fields(by_admin.put(f"/policy-choices/{path}", {"policy": "none such"})) == ["policy"]
    assert fields(by_admin.put("/policy-choices/installation", {"policy": None})) == ["policy"]
    assert fields(by_admin.put("/policy-choices/hosts/kvm-a", {})) == ["policy"]
    assert by_admin.put("/policy-choices/hosts/nowhere", {"policy": "gentle"}).status_code == 404


def test_the_consent_of_a_vm(api: Api, scene: dict[str, Any]) -> None:
    path = f"/guests/{scene['idle'].pk}"
    free = {"slow": "if_needed", "pause": "if_needed", "post_copy": "if_needed"}
    assert (api.get(path).json()["consent"], api.get(path).json()["policy"]) == (free, None)
    assert api.patch(path, {"consent": {"pause": "never"}}).json()["consent"] == {**free, "pause": "never"}
    answer = api.patch(path, {"consent": {"slow": "always"}, "policy": "must finish", "reason": "the owners said so"})
    assert answer.json()["consent"] == {"slow": "always", "pause": "never", "post_copy": "if_needed"}
    assert answer.json()["policy"] == "must finish"
    assert [row["consent"]["slow"] for row in api.items("/guests", q="idle-01")] == ["always"]
    texts = list(Entry.objects.filter(topic=f"guest:{scene['idle'].pk}").order_by("id").values_list("text", flat=True))
    assert texts == [
        "olga changed what a policy may do to idle-01. Pause it for longer: never (before: if needed).",
        "olga changed what a policy may do to idle-01. Slow its CPUs down: always (before: if needed).",
        "olga chose the policy “must finish” for idle-01.",
    ]
    assert api.patch(path, {"policy": None}).json()["policy"] is None


def test_a_consent_that_is_none(api: Api, scene: dict[str, Any]) -> None:
    path = f"/guests/{scene['idle'].pk}"
    assert fields(api.patch(path, {"consent": {"slow": "perhaps"}})) == ["consent.slow"]
    assert fields(api.patch(path, {"consent": {"fast": "never"}})) == ["consent.fast"]
    assert fields(api.patch(path, {"policy": "none such", "consent": {"slow": "never"}})) == ["policy"]
    assert fields(api.patch(path, {"name": "x"})) == ["name"]
    assert api.get(path).json()["consent"]["slow"] == "if_needed"  # all of it, or nothing
    assert Api(scene["viewer"]).patch(path, {"consent": {"slow": "never"}}).status_code == 403
    assert api.patch(f"/guests/{seed.uuid_of('nothing')}", {}).status_code == 404


# --- what a migration gets --------------------------------------------------------------------------------------------


def _request(api: Api, scene: dict[str, Any], **more: Any) -> Any:
    return api.post("/migrations", {"guest": str(scene["idle"].pk), "target": "kvm-a", **more})


def test_the_first_that_is_set_counts(api: Api, by_admin: Api, scene: dict[str, Any]) -> None:
    """Of VM, source host, installation; the request's own is before all of them."""
    got, path = [], f"/guests/{scene['idle'].pk}"

    def ask(**more: Any) -> None:
        answer = _request(api, scene, **more)
        assert answer.status_code == 201
        got.append(answer.json()["policy"])
        Migration.objects.filter(pk=answer.json()["id"]).update(state="failed")

    ask()
    by_admin.put("/policy-choices/installation", {"policy": "large VM"})
    ask()
    by_admin.put("/policy-choices/hosts/kvm-a", {"policy": "gentle"})  # the destination: of no importance
    ask()
    _policy("mine")
    by_admin.put("/policy-choices/hosts/kvm-b", {"policy": "mine"})
    ask()
    api.patch(path, {"policy": "gentle"})
    ask()
    ask(policy="must finish")
    assert got == ["gentle", "large VM", "large VM", "mine", "gentle", "must finish"]


def test_a_migration_keeps_its_policy_as_it_was(api: Api, by_admin: Api, scene: dict[str, Any]) -> None:
    _policy("mine", patience_s=5)
    made = _request(api, scene, policy="mine").json()
    by_admin.patch("/policies/mine", {"patience_s": 500, "name": "ours"})
    row = Migration.objects.get(pk=made["id"])
    assert row.policy_data is not None
    assert (row.policy_data.name, row.policy_data.patience_s) == ("mine", 5)
    assert api.get(f"/migrations/{row.pk}").json()["policy"] == "mine"
    assert Entry.objects.get(topic=row.topic).text.endswith("from kvm-b to kvm-a with the policy “mine”.")
    assert by_admin.delete("/policies/ours").status_code == 204


@pytest.mark.parametrize("path", ["/migrations", "/preflights"])
def test_a_policy_that_a_request_cannot_have(api: Api, scene: dict[str, Any], path: str) -> None:
    body = {"guest": str(scene["idle"].pk), "target": "kvm-a"}
    assert fields(api.post(path, {**body, "policy": "none such"})) == ["policy"]
    for kind in ("offline", "suspended"):
        answer = api.post(path, {**body, "policy": "gentle", "kind": kind})
        assert fields(answer) == ["policy"]
        assert "has no policy" in answer.json()["detail"]


def test_a_kind_without_policies_has_none(api: Api, scene: dict[str, Any]) -> None:
    answer = _request(api, scene, kind="suspended")
    assert (answer.status_code, answer.json()["policy"]) == (201, None)
    assert Migration.objects.get(pk=answer.json()["id"]).policy == {}


def test_another_policy_is_another_request(api: Api, by_admin: Api, scene: dict[str, Any]) -> None:
    first = _request(api, scene, idempotency_key="k", policy="large VM")
    assert _request(api, scene, idempotency_key="k", policy="large VM").status_code == 200
    for other in ("gentle", None):
        again = _request(api, scene, idempotency_key="k", policy=other)
        assert fields(again) == ["idempotency_key"]
        assert again.json()["first"] == first.json()["id"]


def test_the_same_request_whatever_has_been_set_since(api: Api, by_admin: Api, scene: dict[str, Any]) -> None:
    first = _request(api, scene, idempotency_key="k")
    by_admin.put("/policy-choices/installation", {"policy": "must finish"})
    again = _request(api, scene, idempotency_key="k")
    assert (again.status_code, again.json()["id"], again.json()["policy"]) == (200, first.json()["id"], "gentle")


def test_a_restart_names_both(api: Api, scene: dict[str, Any]) -> None:
    first = scene["failed"]
    later = seed.make_migration(scene["build"], scene["b"], scene["a"], "done", by=scene["olga"])
    Migration.objects.filter(pk=later.pk).update(restart_of=first)
    rows = {row["id"]: row for row in api.items("/migrations")}
    for read in (rows.__getitem__, lambda pk: api.get(f"/migrations/{pk}").json()):
        assert (read(first.pk)["restart_of"], read(first.pk)["restarted_as"]) == (None, later.pk)
        assert (read(later.pk)["restart_of"], read(later.pk)["restarted_as"]) == (first.pk, None)


def test_the_decisions_of_a_migration(api: Api, scene: dict[str, Any]) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    running = scene["running"]
    for number, text in enumerate(("first", "<b>second</b>", "third")):
        Decision.objects.create(
            migration=running, at=at, action="raise", downtime_ms=150, text=text, numbers={"rest": None, "n": number}
        )
    page = api.get(f"/migrations/{running.pk}/decisions", limit=2).json()
    assert page["items"][1] == {
        "at": "2026-01-02T03:04:05Z", "action": "raise", "applied": False, "text": "<b>second</b>",
        "numbers": {"rest": None, "n": 1},
    }  # fmt: skip
    assert [row["text"] for row in api.items(f"/migrations/{running.pk}/decisions", after=page["next"])] == ["third"]
    assert api.items(f"/migrations/{scene['done'].pk}/decisions") == []
    assert api.get("/migrations/4711/decisions").status_code == 404
