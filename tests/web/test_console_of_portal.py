"""What admins set for teams on the console."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from hosts.usecases import teams as usecases
from kvmweb.journal.models import Entry
from portal.models import Quota, Storage
from tests.web import seed
from tests.web.pages import flat


def test_the_quota_of_a_team(scene: dict[str, Any], as_admin: Client) -> None:
    team = usecases.create_team("Shop", by=scene["admin"])
    page = f"/console/quotas/{team.pk}/"
    form = {"moves_per_day": "5", "gib_per_day": "", "at_once": "0", "reason": "a trial"}
    assert as_admin.post(page, form)["Location"] == "/console/quotas/"
    quota = Quota.objects.get(team=team)
    assert (quota.moves_per_day, quota.gib_per_day, quota.at_once) == (5, None, 0)
    assert 'value="5"' in flat(as_admin.get(page))
    assert "no limit" in flat(as_admin.get("/console/quotas/"))
    assert Entry.objects.filter(topic=f"team:{team.pk}", reason="a trial").count() == 1
    for wrong in ("-1", "x", "9" * 30):
        assert as_admin.post(page, {"moves_per_day": wrong}).status_code == 422
    quota.refresh_from_db()
    assert quota.moves_per_day == 5


def test_a_name_for_storage(scene: dict[str, Any], as_admin: Client) -> None:
    form = {"name": " fast ", "pool": "default", "reason": "for the shop"}
    assert as_admin.post("/console/storage/", form).status_code == 302
    storage = Storage.objects.get()
    assert (storage.name, storage.pool) == ("fast", "default")
    twice = as_admin.post("/console/storage/", form)
    assert twice.status_code == 422
    assert "Another storage has this name." in flat(twice)
    assert as_admin.post(f"/console/storage/{storage.pk}/remove/").status_code == 302
    assert as_admin.post(f"/console/storage/{storage.pk}/remove/").status_code == 404
    assert not Storage.objects.exists()
    texts = Entry.objects.filter(topic="storages").order_by("pk").values_list("text", "reason")
    assert [reason for _, reason in texts] == ["for the shop", ""]


@pytest.mark.parametrize(
    "form", [{"name": "", "pool": "x"}, {"name": "a\u202eb", "pool": "x"}, {"name": "x" * 64, "pool": "y"}]
)
def test_a_name_that_is_none(scene: dict[str, Any], as_admin: Client, form: dict[str, str]) -> None:
    assert as_admin.post("/console/storage/", form).status_code == 422
    assert not Storage.objects.exists()


def test_hostile_names(scene: dict[str, Any], as_admin: Client) -> None:
    usecases.create_team(seed.HOSTILE, by=scene["admin"])
    as_admin.post("/console/storage/", {"name": seed.HOSTILE, "pool": seed.HOSTILE})
    for address in ("/console/quotas/", "/console/storage/"):
        assert seed.HOSTILE.encode() not in as_admin.get(address).content
