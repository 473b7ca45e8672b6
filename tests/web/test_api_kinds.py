"""Which kinds of migration are offered, over the API."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from hosts.facts.guest import RunState
from hosts.models import Guest
from tests.web import seed
from tests.web.api_client import Api, fields


@pytest.fixture
def api(scene: dict[str, Any]) -> Api:
    return Api(scene["viewer"])


def kinds(api: Api, guest: Guest, **query: Any) -> dict[str, str]:
    """Kind -> why it is not offered."""
    items = api.items(f"/guests/{guest.pk}/kinds", **query)
    assert all(item["offered"] == (not item["reason"]) for item in items)
    return {item["kind"]: item["reason"] for item in items}


def live(found: dict[str, str]) -> dict[str, str]:
    return {kind: reason for kind, reason in found.items() if kind.startswith("live")}


def test_a_vm_that_runs_is_offered_every_live_kind(api: Api, scene: dict[str, Any]) -> None:
    running = "idle-01 is running; an offline migration needs it shut off."
    assert kinds(api, scene["idle"]) == {
        "live": "",
        "live_storage": "",
        "offline": running,
        "offline_storage": running,
        "suspended": "",
        "storage": "",
        "stop_move_start": "",
    }
    assert api.get(f"/guests/{scene['idle'].pk}/kinds").json() == {
        "items": [
            {"kind": "live", "offered": True, "reason": ""},
            {"kind": "live_storage", "offered": True, "reason": ""},
            {"kind": "offline", "offered": False, "reason": running},
            {"kind": "offline_storage", "offered": False, "reason": running},
            {"kind": "suspended", "offered": True, "reason": ""},
            {"kind": "storage", "offered": True, "reason": ""},
            {"kind": "stop_move_start", "offered": True, "reason": ""},
        ],
        "next": None,
    }


def test_a_vm_that_is_shut_off_is_offered_offline(api: Api, scene: dict[str, Any]) -> None:
    reason = "archive is shut off; a live migration needs it running."
    needs = "archive is shut off; this method needs it running or paused."
    found = kinds(api, scene["off"])
    assert found == {
        "live": reason,
        "live_storage": reason,
        "offline": "",
        "offline_storage": "",
        "suspended": needs,
        "storage": "",
        "stop_move_start": "archive is shut off; choose Offline.",
    }


def test_of_a_vm_with_a_saved_state_that_is_said(api: Api, scene: dict[str, Any]) -> None:
    saved = seed.make_guest("saved", scene["a"], state=RunState.SHUTOFF)
    saved.sightings.update(managed_save=True)
    reason = "saved is shut off with a saved state (managed save), which libvirt cannot migrate."
    found = kinds(api, saved)
    assert [found[kind] for kind in ("live", "live_storage", "suspended")] == [reason] * 3


def test_without_a_disk_to_copy_a_copy_is_not_offered(api: Api, scene: dict[str, Any]) -> None:
    bare = seed.make_guest("bare", scene["a"], disks=[])
    assert live(kinds(api, bare)) == {"live": "", "live_storage": "bare has no disk that could be copied."}
    unread = seed.make_guest("unread", scene["a"], disks=[], details_seen_at=None)
    assert live(kinds(api, unread)) == {"live": "", "live_storage": ""}


def test_the_host_that_has_the_vm_is_no_destination(api: Api, scene: dict[str, Any]) -> None:
    here, there = scene["b"], scene["a"]
    for target in (here.name, here.pk):
        found = kinds(api, scene["idle"], target=target)
        assert found.pop("storage") == ""
        assert set(found.values()) == {"kvm-b has the VM now."}
    assert kinds(api, scene["idle"], target=there.name)["storage"] == "Storage leaves the VM on kvm-b."
    assert live(kinds(api, scene["idle"], target=there.name)) == {"live": "", "live_storage": ""}


def test_a_vm_that_no_host_has(api: Api, scene: dict[str, Any]) -> None:
    gone = seed.make_guest("gone")
    assert set(kinds(api, gone).values()) == {"No host reports it."}


@pytest.mark.parametrize("state", [RunState.CRASHED, RunState.PMSUSPENDED, RunState.SHUTDOWN, RunState.NOSTATE])
def test_other_states(api: Api, scene: dict[str, Any], state: RunState) -> None:
    assert all(kinds(api, seed.make_guest("odd", scene["a"], state=state)).values())


def test_what_does_not_fit_is_refused(api: Api, scene: dict[str, Any]) -> None:
    path = f"/guests/{scene['idle'].pk}/kinds"
    assert fields(api.get(path, target="nowhere")) == ["target"]
    assert fields(api.get(path, target="x" * 64)) == ["target"]
    assert fields(api.get(path, tarket="kvm-a")) == ["tarket"]
    assert api.get(f"/guests/{uuid4()}/kinds").status_code == 404
    assert api.get("/guests/nonsense/kinds").status_code == 422
    assert Api(seed.make_person("stan", None)).get(path).status_code == 403
    assert Api().get(path).status_code == 401
