"""The search of every page, and the filters of the lists."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from migrations_app.models import Migration
from tests.web import seed
from tests.web.conftest import client_of
from tests.web.pages import flat

SUGGEST = {"HX-Request": "true"}


def suggested(client: Client, words: str) -> list[str]:
    text = client.get("/search/", {"q": words}, headers=SUGGEST).content.decode()
    return re.findall(r'data-href="([^"]+)"', text)


def test_it_suggests_vms_hosts_and_migrations(scene: dict[str, Any], as_viewer: Client) -> None:
    vm, migration = f"/vms/{scene['web'].pk}/", f"/migrations/{scene['running'].pk}/"
    assert suggested(as_viewer, "web-01") == [vm, migration]
    assert suggested(as_viewer, "kvm-c") == [f"/vms/{scene['lost'].pk}/", f"/hosts/{scene['c'].pk}/"]
    assert suggested(as_viewer, f"#{scene['running'].pk}") == [migration]
    assert suggested(as_viewer, " ") == []
    assert "Nothing found" in as_viewer.get("/search/?q=none-such", headers=SUGGEST).content.decode()


def test_it_does_not_find_the_names_of_stored_fields(scene: dict[str, Any], as_viewer: Client) -> None:
    guest = seed.make_guest("nic-01", scene["a"])
    guest.nics = [{"mac": "52:54:00:ab:cd:ef", "type": "network", "source": "default"}]
    guest.save()
    assert suggested(as_viewer, "00:ab:cd") == [f"/vms/{guest.pk}/"]
    for word in ("mac", "type", "source"):
        assert suggested(as_viewer, word) == []


def test_many_vms_are_shortened(scene: dict[str, Any], as_viewer: Client) -> None:
    for number in range(9):
        seed.make_guest(f"many-{number}", scene["a"])
    found = suggested(as_viewer, "many")
    assert len(found) == 7
    assert found[-1] == "/vms/?q=many"


def test_enter_opens_the_only_hit(scene: dict[str, Any], as_viewer: Client) -> None:
    assert as_viewer.get("/search/?q=web-01")["Location"] == f"/vms/{scene['web'].pk}/"  # and not its migration
    assert as_viewer.get("/search/?q=kvm-d")["Location"] == f"/hosts/{scene['d'].pk}/"
    assert as_viewer.get(f"/search/?q=%23{scene['done'].pk}")["Location"] == f"/migrations/{scene['done'].pk}/"
    assert "web-01" in flat(as_viewer.get("/search/?q=01"))
    assert "No VM, host or migration matches." in flat(as_viewer.get("/search/?q=none-such"))


def test_it_finds_only_what_the_viewer_may_see(scene: dict[str, Any], as_viewer: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("hosts.models.host.visible", lambda rows, user: rows.none())
    assert suggested(as_viewer, "0") == []
    monkeypatch.undo()
    assert client_of(seed.make_person("stan", None)).get("/search/?q=0", headers=SUGGEST).status_code == 403


def test_names_in_it_are_text(scene: dict[str, Any], as_viewer: Client) -> None:
    for headers in (SUGGEST, {}):
        assert seed.HOSTILE not in as_viewer.get("/search/?q=s", headers=headers).content.decode()


@pytest.mark.parametrize("headers", [SUGGEST, {}])
def test_the_filters_say_what_matches_nothing(as_viewer: Client, headers: dict[str, str]) -> None:
    for address, label, without in (
        ("/vms/?host=999999999&q=01", "Host", "?q=01"),
        ("/vms/?state=flying", "State", "/vms/"),
        ("/migrations/?state=flying&page=2", "State", "/migrations/"),
        ("/migrations/?source=999999999", "Source host", "/migrations/"),
        ("/migrations/?target=x", "Destination host", "/migrations/"),
        ("/migrations/?host=-1&sort=took", "Either host", "?sort=took"),
    ):
        answer = as_viewer.get(address, headers=headers)
        text = flat(answer)
        assert "0 found" in text, address
        assert f"{label}: there is no such choice, so nothing matches." in text, address
        assert f'<a href="{without}">Remove this filter</a>' in answer.content.decode().replace("&amp;", "&"), address
        assert "<tbody>" not in text, address


def test_took_sorts(scene: dict[str, Any], as_viewer: Client) -> None:
    now = timezone.now()
    names = ("done", "failed", "cancelled")
    Migration.objects.exclude(pk__in=[scene[name].pk for name in (*names, "running")]).delete()
    for name, seconds in zip(names, (30, 600, 5), strict=True):
        Migration.objects.filter(pk=scene[name].pk).update(
            requested_at=now - timedelta(seconds=seconds), finished_at=now
        )
    for sort, order in (("took", ("cancelled", "done", "failed")), ("-took", ("failed", "done", "cancelled"))):
        main = as_viewer.get(f"/migrations/?sort={sort}").content.decode().split("<tbody>")[1]
        shown = re.findall(r'class="clip" href="/migrations/(\d+)/"', main)
        assert shown == [str(scene[name].pk) for name in (*order, "running")]


def test_a_text_with_a_nul_finds_nothing_and_breaks_nothing(as_viewer: Client) -> None:
    assert as_viewer.get("/search/", {"q": "\0"}).status_code == 200
