"""Preflights and migrations over the API: what is asked for, refused, found again."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from django.utils import timezone
from django_q.models import OrmQ

from hosts.models import Guest
from kvmweb.accounts.models import Token
from kvmweb.journal.models import Entry
from migrations_app.api import preflights as operations
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, Preflight
from migrations_app.usecases import keep_preflights, request_migration
from migrations_app.worker import run_preflight
from tests.web import seed
from tests.web.api_client import Api, check_problem, fields

GUEST_KEYS = {"check", "severity", "summary", "evidence", "affects", "remedies"}


@pytest.fixture
def api(scene: dict[str, Any]) -> Api:
    return Api(scene["olga"])


@pytest.fixture
def free(scene: dict[str, Any]) -> Guest:
    """A running VM on kvm-a without a migration."""
    return seed.make_guest("free-01", scene["a"])


def wish(guest: Guest, **more: Any) -> dict[str, Any]:
    return {"guest": str(guest.pk), "target": "kvm-b", **more}


# --- asking for a migration -------------------------------------------------------------------------------------------


def test_a_migration_is_made_and_queued_with_its_reason(api: Api, free: Guest, scene: dict[str, Any]) -> None:
    answer = api.post("/migrations", wish(free, reason="kernel update", options={"max_downtime_ms": 300}))
    assert answer.status_code == 201
    body = answer.json()
    assert answer["Location"] == f"/api/v1/migrations/{body['id']}"
    assert (body["state"], body["terminal"]) == ("requested", False)
    assert (body["source"], body["target"], body["kind"]) == ("kvm-a", "kvm-b", "live")
    assert (body["source_id"], body["target_id"]) == (scene["a"].pk, scene["b"].pk)
    assert body["options"]["max_downtime_ms"] == 300
    assert (body["requested_by"], body["reason"], body["error"]) == ("olga", "kernel update", None)
    assert api.get(f"/migrations/{body['id']}").json() == body
    entry = Entry.objects.get(topic=f"migration:{body['id']}", kind="action")
    assert (entry.actor_name, entry.reason) == ("olga", "kernel update")
    assert OrmQ.objects.filter(key="migrations").count() == 1
    assert OrmQ.objects.get(key="migrations").task["args"] == (body["id"],)


def test_an_urgent_one_needs_a_reason(api: Api, free: Guest) -> None:
    assert fields(api.post("/migrations", wish(free, urgent=True))) == ["reason"]
    body = api.post("/migrations", wish(free, urgent=True, reason="its disk fails")).json()
    assert (body["lane"], body["urgent"]) == ("operations", True)


def storage(guest: Guest, **more: Any) -> dict[str, Any]:
    return {"guest": str(guest.pk), "kind": "storage", "options": {"disks": {"vda": {"pool": "fast"}}}, **more}


@pytest.mark.parametrize("target", [{}, {"target": None}, {"target": "kvm-a"}])
def test_storage_stays_on_the_vms_own_host(api: Api, free: Guest, target: dict[str, Any]) -> None:
    answer = api.post("/migrations", storage(free, **target))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["source"], body["target"], body["kind"]) == ("kvm-a", "kvm-a", "storage")
    entry = Entry.objects.get(topic=f"migration:{body['id']}", kind="action")
    assert entry.text == "olga requested the storage migration of free-01 on kvm-a: vda to pool fast."
    answer = api.post("/migrations", wish(free))
    assert (answer.status_code, answer.json()["detail"]) == (409, "free-01 is already migrating to another pool.")


@pytest.mark.parametrize("path", ["/migrations", "/preflights"])
def test_storage_has_no_other_destination(api: Api, free: Guest, path: str) -> None:
    answer = api.post(path, storage(free, target="kvm-b"))
    assert (answer.status_code, fields(answer)) == (422, ["target"])
    assert answer.json()["detail"] == "With the method Storage free-01 stays on kvm-a. Leave the destination out."
    assert not Migration.objects.filter(guest=free).exists()


def test_storage_of_a_vm_that_no_host_has(api: Api, scene: dict[str, Any]) -> None:
    answer = api.post("/migrations", storage(seed.make_guest("gone")))
    assert (answer.status_code, fields(answer)) == (422, ["guest"])
    nowhere = {**storage(scene["idle"]), "guest": str(uuid4())}
    assert api.post("/migrations", nowhere).status_code == 404


def test_a_definition_is_not_checked_for_storage(api: Api) -> None:
    given = {"definition": "<domain><name>x</name></domain>", "source": "kvm-a", "target": "kvm-a", "kind": "storage"}
    answer = api.post("/preflights", {**given, "options": {"disks": {"vda": {"pool": "fast"}}}})
    assert (answer.status_code, fields(answer)) == (422, ["kind"])


@pytest.mark.parametrize("target", ["kvm-b", "id", "digits"])
def test_the_target_is_a_name_or_an_id(api: Api, free: Guest, scene: dict[str, Any], target: str) -> None:
    value = {"id": scene["b"].pk, "digits": str(scene["b"].pk)}.get(target, target)
    assert api.post("/migrations", wish(free, target=value)).json()["target"] == "kvm-b"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"target": "nowhere"}, "target"),
        ({"target": 999999}, "target"),
        ({"target": True}, "target"),
        ({"target": None}, "target"),
        ({"target": 1.0}, "target"),
        ({"target": "²"}, "target"),
        ({"target": "9" * 400}, "target"),
        ({"target": "kvm-a"}, "target"),
        ({"guest": "web-01"}, "guest"),
        ({"kind": "sideways"}, "kind"),
        ({"kind": "offline", "options": {"copy_disks": True}}, "copy_disks"),
        ({"kind": "offline", "options": {"max_downtime_ms": 5}}, "max_downtime_ms"),
        ({"kind": "offline", "options": {"persist": False, "undefine_source": False}}, "persist"),
        ({"kind": "live", "options": {"start_after": True}}, "start_after"),
        ({"force": True}, "force"),
        ({"options": {"timeout": 3}}, "options.timeout"),
        ({"options": {"unsafe": "yes"}}, "options.unsafe"),
        ({"options": {"persist": 1}}, "options.persist"),
        ({"options": {"bandwidth_mib": 0}}, "options.bandwidth_mib"),
        ({"options": {"bandwidth_mib": "10"}}, "options.bandwidth_mib"),
        ({"options": {"max_downtime_ms": 10**9}}, "options.max_downtime_ms"),
        ({"options": {"copy_disks": "vda"}}, "options.copy_disks"),
        ({"options": {"copy_disks": [1]}}, "options.copy_disks"),
        ({"options": {"copy_disks": ["vda"] * 65}}, "options.copy_disks"),
        ({"options": {"copy_disks": True}}, "copy_disks"),
        ({"options": {"copy_disks": ["vda"]}}, "copy_disks"),
        ({"kind": "live_storage", "options": {"copy_disks": False}}, "copy_disks"),
        ({"kind": "live_storage", "options": {"copy_disks": []}}, "copy_disks"),
        ({"options": {"persist": False}}, "undefine_source"),
        ({"options": {"parallel_connections": 4, "bandwidth_mib": 5}}, "parallel_connections"),
        ({"options": {"parallel_connections": 1}}, "options.parallel_connections"),
        ({"options": {"compression": "mt"}}, "options.compression"),
        ({"options": {"compression": "zstd"}}, "compression"),
        ({"options": {"compressed": True, "compression": "zlib", "parallel_connections": 2}}, "compressed"),
        ({"options": {"compression_level": 3}}, "compression_level"),
        ({"options": {"xbzrle_cache_mib": 96, "compressed": True}}, "options.xbzrle_cache_mib"),
        ({"options": {"xbzrle_cache_mib": 64}}, "xbzrle_cache_mib"),
        ({"options": {"auto_converge_initial": 30}}, "auto_converge_initial"),
        ({"options": {"zerocopy": True}}, "zerocopy"),
        ({"options": {"sync_writes": True}}, "sync_writes"),
        ({"options": {"detect_zeroes": True}}, "detect_zeroes"),
        ({"options": {"migration_address": "tcp://10.0.0.1/?x"}}, "migration_address"),
        ({"options": {"migration_address": 3}}, "options.migration_address"),
        ({"options": {"listen_address": "::1"}}, "listen_address"),
        ({"options": {"listen_address": "\u202e10.0.0.1"}}, "options.listen_address"),
        ({"options": []}, "options"),
        ({"target": "kvm-b\ud800"}, "target"),
        ({"target": "kvm-b\u0000"}, "target"),
        ({"target": -1}, "target"),
        ({"kind": "live_storage", "options": {"copy_disks": ["\ud800"]}}, "options.copy_disks"),
        ({"kind": "live_storage", "options": {"copy_disks": ["a\u0000"]}}, "options.copy_disks"),
        ({"kind": "live_storage", "options": {"copy_disks": ["v da"]}}, "options.copy_disks"),
        ({"options": {"copy_disks": []}}, "copy_disks"),
        ({"reason": "\u202ereversed"}, "reason"),
        ({"idempotency_key": "k" * 201}, "idempotency_key"),
        ({"reason": "a\u0000b"}, "reason"),
    ],
)
def test_a_request_that_does_not_fit_names_the_field(api: Api, free: Guest, change: dict[str, Any], field: str) -> None:
    answer = api.post("/migrations", {**wish(free), **change})
    assert fields(answer) == [field]
    assert not Migration.objects.filter(guest=free).exists()
    assert not OrmQ.objects.exists()


def test_a_number_out_of_its_bounds_is_answered_with_the_options_sentence(api: Api, free: Guest) -> None:
    body = api.post("/migrations", wish(free, options={"bandwidth_mib": 1_000_001})).json()
    said = "The bandwidth limit must be a whole number from 1 to 1,000,000 MiB/s"
    assert body["errors"] == [{"field": "options.bandwidth_mib", "message": said}]


def test_not_asking_for_a_copy_is_fine_with_live(api: Api, free: Guest) -> None:
    assert api.post("/migrations", wish(free, options={"copy_disks": False})).status_code == 201


def test_disks_in_another_order_are_the_same_request(api: Api, free: Guest) -> None:
    answers = [
        api.post("/migrations", wish(free, kind="live_storage", options={"copy_disks": disks}, idempotency_key="k9"))
        for disks in (["vdb", "vda", "vdb"], ["vda", "vdb"])
    ]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json()["options"]["copy_disks"] == ["vda", "vdb"]


def test_the_loser_of_a_race_for_a_key_gets_what_the_winner_made(
    api: Api, free: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looked for an earlier one before either had written."""
    body = wish(free, idempotency_key="k8")
    made = api.post("/migrations", body).json()["id"]
    earlier, looks = request_migration._earlier, []

    def late(*arguments: Any) -> Any:
        looks.append(1)
        return earlier(*arguments) if len(looks) > 1 else None

    monkeypatch.setattr(request_migration, "_earlier", late)
    answer = api.post("/migrations", body)
    assert (answer.status_code, answer.json()["id"]) == (200, made)


def test_live_storage_copies_disks_by_itself(api: Api, free: Guest) -> None:
    body = api.post("/migrations", wish(free, kind="live_storage")).json()
    assert (body["kind"], body["options"]["copy_disks"]) == ("live_storage", True)


def test_an_unknown_guest_is_not_found(api: Api) -> None:
    answer = api.post("/migrations", {"guest": str(uuid4()), "target": "kvm-b"})
    assert answer.status_code == 404


def test_a_second_request_is_refused_and_names_the_running_one(api: Api, scene: dict[str, Any]) -> None:
    answer = api.post("/migrations", wish(scene["web"]))
    assert answer.status_code == 409
    running = answer.json()["running"]
    assert running == {"id": scene["running"].pk, "state": "copying_memory", "target": "kvm-b"}
    assert "web-01" in answer.json()["detail"]


def test_the_same_key_is_the_same_migration(api: Api, free: Guest, scene: dict[str, Any]) -> None:
    first = api.post("/migrations", wish(free, idempotency_key="k1"))
    assert first.status_code == 201
    again = api.post(
        "/migrations", wish(free, idempotency_key="k1", options={"persist": True})
    )  # the default, spelled out
    assert again.status_code == 200
    assert again.json() == first.json()
    Migration.objects.filter(pk=first.json()["id"]).update(state=State.DONE)
    assert api.post("/migrations", wish(free, idempotency_key="k1")).json()["id"] == first.json()["id"]
    other = api.post("/migrations", wish(free, idempotency_key="k1", options={"bandwidth_mib": 5}))
    assert fields(other) == ["idempotency_key"]
    assert other.json()["first"] == first.json()["id"]
    assert Migration.objects.filter(guest=free).count() == 1


def test_a_key_belongs_to_a_person(api: Api, free: Guest, scene: dict[str, Any]) -> None:
    assert api.post("/migrations", wish(free, idempotency_key="k1")).status_code == 201
    assert Api(scene["admin"]).post("/migrations", wish(free, idempotency_key="k1")).status_code == 409


def test_a_viewer_neither_moves_nor_checks_nor_cancels(scene: dict[str, Any], free: Guest) -> None:
    viewer = Api(scene["viewer"])
    assert viewer.post("/migrations", wish(free)).status_code == 403
    assert viewer.post("/preflights", wish(free)).status_code == 403
    assert viewer.post(f"/migrations/{scene['running'].pk}/cancel").status_code == 403
    assert not Migration.objects.filter(guest=free).exists()
    assert Migration.objects.get(pk=scene["running"].pk).cancel_requested_at is None


def test_unsafe_is_for_admins_who_confirm_with_the_name(scene: dict[str, Any], free: Guest) -> None:
    unsafe = wish(free, options={"unsafe": True})
    operator, admin = Api(scene["olga"]), Api(scene["admin"])
    assert operator.post("/migrations", {**unsafe, "confirm": "free-01"}).status_code == 403
    assert fields(admin.post("/migrations", unsafe)) == ["confirm"]
    assert fields(admin.post("/migrations", {**unsafe, "confirm": "Free-01"})) == ["confirm"]
    assert admin.post("/migrations", {**unsafe, "confirm": "free-01"}).status_code == 201


# --- looking ----------------------------------------------------------------------------------------------------------


def test_active_and_ended_ones(api: Api, scene: dict[str, Any]) -> None:
    everything = api.items("/migrations")
    active = {item["id"] for item in api.items("/migrations", active="true")}
    ended = {item["id"] for item in api.items("/migrations", active="false")}
    assert active == {scene[name].pk for name in ("running", "queued", "attention")}
    assert active | ended == {item["id"] for item in everything}
    assert all(item["terminal"] is (item["id"] in ended) for item in everything)
    assert [item["id"] for item in everything] == sorted((item["id"] for item in everything), reverse=True)


def test_a_running_migration_shows_its_numbers(api: Api, scene: dict[str, Any]) -> None:
    body = api.get(f"/migrations/{scene['running'].pk}").json()
    progress = body["progress"]
    assert (progress["percent"], progress["iteration"], progress["converging"]) == (62, 2, True)
    assert progress["transferred_bytes"] < progress["total_bytes"] == 4 * 1024**3
    assert progress["updated_at"]
    assert set(body["findings"][0]) == GUEST_KEYS


def test_a_script_may_look_as_often_as_it_likes(api: Api, scene: dict[str, Any]) -> None:
    """Ten times a second, for half a minute: there is no limit to run into."""
    for _ in range(300):
        assert api.get(f"/migrations/{scene['running'].pk}").status_code == 200


def test_what_was_foreseen_is_told(api: Api, scene: dict[str, Any]) -> None:
    assert api.get(f"/migrations/{scene['running'].pk}").json()["forecast"] is None
    assert api.get(f"/migrations/{scene['done'].pk}").json()["forecast"] == seed.FORECAST
    assert api.get(f"/preflights/{scene['report'].pk}").json()["forecast"] is None
    Preflight.objects.update(forecast=seed.FORECAST)
    assert api.get(f"/preflights/{scene['report'].pk}").json()["forecast"] == seed.FORECAST


def test_ended_migrations_tell_downtime_or_cause(api: Api, scene: dict[str, Any]) -> None:
    done = api.get(f"/migrations/{scene['done'].pk}").json()
    assert (done["state"], done["terminal"], done["downtime_ms"], done["error"]) == ("done", True, 84, None)
    failed = api.get(f"/migrations/{scene['failed'].pk}").json()
    assert failed["error"]["cause"].startswith("The destination's")
    assert failed["error"]["what_to_do"].startswith("Start libvirtd")
    blocked = api.get(f"/migrations/{scene['blocked'].pk}").json()
    assert (blocked["state"], blocked["verdict"]) == ("blocked", "blocked")
    assert blocked["findings"][0]["remedies"][0]["on"] == "kvm-b"
    waiting = api.get(f"/migrations/{scene['queued'].pk}").json()
    assert "web-01" in waiting["state_text"]
    assert waiting["progress"]["percent"] is None


def test_the_journal_is_in_order_and_in_pages(api: Api, scene: dict[str, Any]) -> None:
    path = f"/migrations/{scene['running'].pk}/journal"
    entries = api.items(path, limit=500)
    assert [entry["id"] for entry in entries] == sorted(entry["id"] for entry in entries)
    assert {entry["kind"] for entry in entries} == {"action", "state", "progress"}
    assert entries[0]["reason"] == "kernel update"
    newest = api.items(path, after=entries[-3]["id"])
    assert [entry["id"] for entry in newest] == [entry["id"] for entry in entries[-2:]]
    assert api.get("/migrations/999999/journal").status_code == 404


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_cancel_is_a_flag_with_name_and_reason(api: Api, scene: dict[str, Any]) -> None:
    running = scene["running"]
    answer = api.post(f"/migrations/{running.pk}/cancel", {"reason": "wrong VM"})
    assert answer.status_code == 202
    assert answer.json()["cancel_requested_at"]
    assert answer.json()["terminal"] is False
    entry = Entry.objects.filter(topic=f"migration:{running.pk}", kind="action").latest("id")
    assert (entry.actor_name, entry.reason) == ("olga", "wrong VM")


def test_cancel_without_a_body_and_a_second_time(api: Api, scene: dict[str, Any]) -> None:
    path = f"/api/v1/migrations/{scene['running'].pk}/cancel"
    first = api.client.generic("POST", path, headers=api.headers)
    assert first.status_code == 202
    again = api.client.generic("POST", path, "", content_type="application/json", headers=api.headers)
    assert again.status_code == 202
    assert again.json()["cancel_requested_at"] == first.json()["cancel_requested_at"]


def test_what_has_not_begun_is_cancelled_at_once(api: Api, scene: dict[str, Any]) -> None:
    answer = api.post(f"/migrations/{scene['queued'].pk}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")


def test_what_has_ended_cannot_be_cancelled(api: Api, scene: dict[str, Any]) -> None:
    answer = api.post(f"/migrations/{scene['done'].pk}/cancel")
    assert answer.status_code == 409
    assert answer.json()["state"] == "done"
    cancelled = api.post(f"/migrations/{scene['cancelled'].pk}/cancel")  # a second time changes nothing
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    running = scene["running"].pk
    api.post(f"/migrations/{running}/cancel")
    Migration.objects.filter(pk=running).update(state="done", finished_at=timezone.now())  # it came too late
    assert api.post(f"/migrations/{running}/cancel").status_code == 409
    assert api.post("/migrations/999999/cancel").status_code == 404


# --- preflights -------------------------------------------------------------------------------------------------------


def test_a_report_can_be_fetched_again(api: Api, scene: dict[str, Any]) -> None:
    report = api.get(f"/preflights/{scene['report'].pk}")
    assert report.status_code == 200
    assert report.json()["verdict"] == "blocked"
    assert report.json()["seen_at"]
    assert {finding["severity"] for finding in report.json()["findings"]} == {"blocker", "unknown", "warning", "passed"}
    assert set(report.json()["findings"][0]) == GUEST_KEYS


def test_a_report_that_is_not_there_yet_says_where_it_will_be(api: Api, scene: dict[str, Any]) -> None:
    Preflight.objects.update(seen_at=None)
    answer = api.get(f"/preflights/{scene['report'].pk}")
    assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/preflights/{scene['report'].pk}")
    assert api.get("/preflights/999999").status_code == 404


class Asking:
    """POST /preflights as the ASGI server runs it."""

    def __init__(self, user: Any) -> None:
        self.headers = {"Authorization": f"Bearer {Token.issue(user)}"}

    async def post(self, body: Any) -> Any:
        client = AsyncClient()
        text = json.dumps(body)
        return await client.post("/api/v1/preflights", text, content_type="application/json", headers=self.headers)


@pytest.fixture
def asking(transactional_db: None) -> tuple[Asking, Guest]:
    a = seed.make_host("kvm-a", number=1)
    seed.make_host("kvm-b", number=2)
    return Asking(seed.make_person("olga", seed.Role.OPERATOR)), seed.make_guest("free-01", a)


def _answer_it() -> None:
    """What the worker does."""
    Preflight.objects.update(seen_at=timezone.now(), verdict="ok", findings=seed.FINDINGS[-1:])


@pytest.mark.django_db(transaction=True)
async def test_a_preflight_waits_for_its_report(asking: tuple[Asking, Guest]) -> None:
    person, guest = asking
    request = asyncio.create_task(person.post(wish(guest)))
    while not await Preflight.objects.aexists():
        await asyncio.sleep(0.02)
    assert not request.done()
    queued = await OrmQ.objects.aget(key="kvmweb")
    assert queued.task["func"] == "migrations_app.tasks.run_preflight"
    await sync_to_async(_answer_it)()
    answer = await asyncio.wait_for(request, 5)
    assert answer.status_code == 200
    assert answer.json()["verdict"] == "ok"
    assert set(answer.json()) == {"id", "verdict", "findings", "copied_disks", "forecast", "seen_at", "error"}


@pytest.mark.django_db(transaction=True)
async def test_a_preflight_that_takes_long_says_where_it_will_be(
    asking: tuple[Asking, Guest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "PREFLIGHT_SECONDS", 0.2)
    person, guest = asking
    answer = await person.post(wish(guest))
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/v1/preflights/{answer.json()['id']}"


@pytest.mark.django_db(transaction=True)
async def test_a_preflight_that_does_not_fit_is_a_problem(asking: tuple[Asking, Guest]) -> None:
    person, guest = asking
    answer = await person.post(wish(guest, options={"copy_disks": True}))
    assert answer.status_code == 422
    check_problem(answer)
    answer = await person.post({"guest": str(uuid4()), "target": "kvm-b"})
    assert answer.status_code == 404
    check_problem(answer)
    person.headers = {}
    answer = await person.post(wish(guest))
    assert answer.status_code == 401
    check_problem(answer)


def test_closing_by_hand(scene: dict[str, Any]) -> None:
    admin, attention = Api(scene["admin"]), f"/migrations/{scene['attention'].pk}/close"
    assert Api(scene["olga"]).post(attention, {"reason": "I think so"}).status_code == 403
    for body in ({}, {"reason": ""}, {"reason": " "}, {"reason": "a\u0000b"}, {"reason": "x" * 1001}):
        answer = admin.post(attention, body)
        assert (answer.status_code, fields(answer)) == (422, ["reason"]), body
    answer = admin.post(attention, {"reason": "it runs on kvm-b"})
    assert answer.status_code == 200
    closed = answer.json()
    assert (closed["state"], closed["terminal"]) == ("failed", True)
    assert closed["state_text"].endswith("closed this migration: it runs on kvm-b")
    for number, state in ((scene["attention"].pk, "failed"), (scene["running"].pk, "copying_memory")):
        answer = admin.post(f"/migrations/{number}/close", {"reason": "again"})
        assert (answer.status_code, answer.json()["state"]) == (409, state)
        check_problem(answer)
    assert admin.post("/migrations/999999/close", {"reason": "x"}).status_code == 404


def test_a_check_that_nobody_answers_ends(api: Api, scene: dict[str, Any], as_operator: Client) -> None:
    report = scene["report"]
    Preflight.objects.update(seen_at=None, verdict="", findings=[], asked=timezone.now() - timedelta(seconds=50))
    assert api.get(f"/preflights/{report.pk}").status_code == 202
    Preflight.objects.update(asked=timezone.now() - timedelta(seconds=61))
    assert b"No worker answered" in as_operator.get(f"/preflights/{report.pk}/").content
    answer = api.get(f"/preflights/{report.pk}")
    assert answer.status_code == 200
    assert "No worker answered" in answer.json()["error"]


def test_reports_of_yesterday_are_swept(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_preflights, "_swept", float("-inf"))
    keep_preflights.sweep()
    assert Preflight.objects.filter(pk=scene["report"].pk).exists()
    monkeypatch.setattr(keep_preflights, "_swept", float("-inf"))
    Preflight.objects.filter(pk=scene["report"].pk).update(asked=timezone.now() - timedelta(days=1, seconds=1))
    keep_preflights.sweep()
    assert not Preflight.objects.filter(pk=scene["report"].pk).exists()


def test_a_check_that_stumbles_is_answered(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a mistake")

    Preflight.objects.update(seen_at=None)
    monkeypatch.setattr(run_preflight, "both_sides", stumbles)
    run_preflight.run_preflight(scene["report"].pk)
    preflight = Preflight.objects.get(pk=scene["report"].pk)
    assert preflight.seen_at
    assert "internal error" in preflight.error
    assert "mistake" not in preflight.error  # that is for the log


def test_the_options_are_told_with_what_they_mean(api: Api) -> None:
    answer = api.get("/options").json()
    assert answer["next"] is None
    rows = {row["name"]: row for row in answer["items"]}
    assert rows["bandwidth_mib"] == {
        "name": "bandwidth_mib",
        "type": "integer",
        "unit": "MiB/s",
        "minimum": 1,
        "maximum": 1_000_000,
        "default": None,
        "kinds": ["live", "live_storage", "offline_storage", "suspended"],
        "needs": {"libvirt": None, "qemu": None},
        "conflicts": ["parallel_connections"],
        "requires": [],
        "choices": [],
        "virsh": "--bandwidth {}",
        "consequence": "Leaves room for other traffic. The migration takes longer, and a busy VM may never converge.",
    }
    assert rows["copy_disks"]["kinds"] == ["live_storage", "offline_storage", "suspended"]
    assert rows["compression"]["choices"] == ["xbzrle", "zlib", "zstd"]
    assert rows["xbzrle_cache_mib"]["requires"] == ["compression"]
    assert rows["detect_zeroes"]["needs"] == {"libvirt": "10.9.0", "qemu": None}
    assert (rows["persist"]["type"], rows["persist"]["default"]) == ("boolean", True)


def test_every_option_is_accepted_and_told_again(api: Api, free: Guest) -> None:
    options = {
        "compression": "zstd", "compression_level": 3, "parallel_connections": 4, "auto_converge": True,
        "auto_converge_initial": 30, "auto_converge_increment": 20, "sync_writes": True, "detect_zeroes": True,
        "migration_address": "KVM-A.lab", "listen_address": "10.0.0.2",
    }  # fmt: skip
    answer = api.post("/migrations", wish(free, kind="live_storage", options=options))
    assert answer.status_code == 201, answer.content
    assert answer.json()["options"].items() >= (options | {"migration_address": "kvm-a.lab"}).items()
    same = api.post("/preflights", {**wish(free), "options": {"compressed": True, "xbzrle_cache_mib": 64}})
    assert same.status_code in (200, 202), same.content


def test_silent_hosts_are_tried_again(scene: dict[str, Any], api: Api) -> None:
    waits = api.get(f"/migrations/{scene['attention'].pk}").json()["waiting"]
    assert "No route to host" in waits["hosts"]["kvm-c"]
    assert api.get(f"/migrations/{scene['running'].pk}").json()["waiting"] is None
    assert api.post(f"/migrations/{scene['attention'].pk}/look").status_code == 202
    assert scene["attention"].orders.get().what == "look"
    assert api.post(f"/migrations/{scene['done'].pk}/look").status_code == 409
    Migration.objects.filter(pk=scene["done"].pk).update(waiting=seed.silence("kvm-c"))
    assert api.get(f"/migrations/{scene['done'].pk}").json()["waiting"] is None
