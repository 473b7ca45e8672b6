"""Orders and controls over the API: what is taken, what is refused and with which status, who may."""

from __future__ import annotations

from typing import Any

import pytest

from migrations_app.domain.lifecycle import State
from migrations_app.domain.orders import CONTROLS
from migrations_app.models import Migration
from tests.web.api_client import Api, fields

KEYS = {
    "id", "what", "value", "state", "requested", "read_back", "text", "reason", "by", "created_at", "taken_at", "done_at",
}  # fmt: skip


@pytest.fixture
def api(scene: dict[str, Any]) -> Api:
    return Api(scene["olga"])


@pytest.fixture
def copying(scene: dict[str, Any]) -> Migration:
    migration: Migration = scene["running"]
    Migration.objects.filter(pk=migration.pk).update(state=State.COPYING_MEMORY, controls={})
    migration.refresh_from_db()
    return migration


def test_an_order_is_recorded_and_found_again(api: Api, copying: Migration) -> None:
    path = f"/migrations/{copying.pk}/orders"
    answer = api.post(path, {"what": "bandwidth_mib", "value": 8, "reason": "backup at noon", "idempotency_key": "k"})
    assert answer.status_code == 202
    order = answer.json()
    assert order.keys() == KEYS
    assert (order["what"], order["value"], order["state"]) == ("bandwidth_mib", 8, "waiting")
    assert (order["by"], order["reason"], order["requested"], order["read_back"]) == (
        "olga",
        "backup at noon",
        None,
        None,
    )
    assert api.get(f"{path}/{order['id']}").json() == order
    assert [item["id"] for item in api.items(path)] == [order["id"]]
    again = {"what": "bandwidth_mib", "value": 8, "idempotency_key": "k"}
    assert api.post(path, again).json()["id"] == order["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"what": "bandwidth_mib", "value": -1}, "value"),
        ({"what": "bandwidth_mib", "value": "8"}, "value"),
        ({"what": "bandwidth_mib", "value": 1.5}, "value"),
        ({"what": "bandwidth_mib"}, "value"),
        ({"what": "max_downtime_ms", "value": 0}, "value"),
        ({"what": "finish", "value": 3}, "value"),
        ({"what": "explode"}, "what"),
        ({"value": 3}, "what"),
        ({"what": "cancel", "more": 1}, "more"),
    ],
)
def test_a_bad_order_is_refused_by_its_field(body: dict[str, Any], field: str, api: Api, copying: Migration) -> None:
    answer = api.post(f"/migrations/{copying.pk}/orders", body)
    assert (answer.status_code, fields(answer)) == (422, [field])
    assert not copying.orders.exists()


def test_what_is_not_offered_is_a_conflict(api: Api, copying: Migration) -> None:
    path = f"/migrations/{copying.pk}/orders"
    answer = api.post(path, {"what": "xbzrle_cache_mib", "value": 128})
    assert (answer.status_code, answer.json()["state"]) == (409, "copying_memory")
    Migration.objects.filter(pk=copying.pk).update(state=State.ARRIVING)
    answer = api.post(path, {"what": "cancel"})
    assert (answer.status_code, answer.json()["state"]) == (409, "arriving")
    assert "past the switchover" in answer.json()["detail"]


def test_a_viewer_sees_orders_and_gives_none(scene: dict[str, Any], copying: Migration) -> None:
    viewer = Api(scene["viewer"])
    assert viewer.post(f"/migrations/{copying.pk}/orders", {"what": "finish"}).status_code == 403
    assert viewer.items(f"/migrations/{copying.pk}/orders") == []
    assert viewer.get(f"/migrations/{copying.pk}/controls").status_code == 200
    assert Api().get(f"/migrations/{copying.pk}/controls").status_code == 401


def test_an_order_of_another_migration_is_not_there(api: Api, copying: Migration, scene: dict[str, Any]) -> None:
    order = api.post(f"/migrations/{copying.pk}/orders", {"what": "max_downtime_ms", "value": 900}).json()
    assert api.get(f"/migrations/{copying.pk + 10_000}/orders/{order['id']}").status_code == 404
    assert api.get(f"/migrations/{copying.pk}/orders/{order['id'] + 1}").status_code == 404


def test_controls_are_what_libvirt_said(api: Api, copying: Migration) -> None:
    path = f"/migrations/{copying.pk}/controls"
    nothing = {"bandwidth_mib": None, "max_downtime_ms": None, "xbzrle_cache_mib": None, "read_at": None}
    assert api.get(path).json()["values"] == nothing
    said = {"bandwidth_mib": 0, "max_downtime_ms": 300, "xbzrle_cache_mib": 64, "read_at": "2026-11-28T06:00:00Z"}
    Migration.objects.filter(pk=copying.pk).update(controls=said)
    assert api.get(path).json()["values"] == said
    offered = {one["what"]: one for one in api.get(path).json()["offered"]}
    assert offered.keys() == set(CONTROLS)
    assert (offered["bandwidth_mib"]["allowed"], offered["bandwidth_mib"]["why"]) == (True, "")
    assert not offered["xbzrle_cache_mib"]["allowed"]
    assert offered["xbzrle_cache_mib"]["why"].endswith("which alone has a cache.")
