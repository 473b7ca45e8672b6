"""The tests of a VM that has arrived, on the page and over the API."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

import pytest
from django_q.models import OrmQ

from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.words.arrival import back_query
from tests.web import seed
from tests.web.api_client import Api
from tests.web.conftest import client_of
from tests.web.pages import flat

ROWS = [
    {"test": "agent", "result": "passed", "text": "The guest agent answers."},
    {"test": "cpu", "result": "unknown", "text": "The VM is paused on <kvm-b>."},
    {"test": "clock", "result": "failed", "text": "The VM's clock is 3.2 s behind kvmweb's; it was not known before."},
]


@pytest.fixture
def done(scene: dict[str, Any]) -> Migration:
    options = {"bandwidth_mib": 40, "auto_converge": True, "migration_address": "192.0.2.9"}
    return seed.make_migration(
        scene["idle"], scene["a"], scene["b"], State.DONE, call_made=True, arrival=ROWS, options=options
    )


def test_results_are_shown_and_the_way_back_is_offered(scene: dict[str, Any], done: Migration) -> None:
    page = flat(client_of(scene["olga"]).get(f"/migrations/{done.pk}/"))
    assert "<strong>Passed.</strong> The guest agent answers." in page
    assert "The VM is paused on &lt;kvm-b&gt;." in page
    assert "Migrate back…" in page
    assert "Set the clock…" in page
    read = flat(client_of(scene["viewer"]).get(f"/migrations/{done.pk}/"))
    assert "The guest agent answers." in read
    for button in ("Migrate back…", "Set the clock…", "Test again"):
        assert button not in read


def test_the_way_back_has_the_method_and_the_options_that_fit(scene: dict[str, Any], done: Migration) -> None:
    query = parse_qs(back_query(done))
    assert (query["target"], query["kind"]) == ([str(scene["a"].pk)], ["live"])
    assert (query["bandwidth_mib"], query["auto_converge"], query["persist"]) == (["40"], ["on"], ["on"])
    assert "migration_address" not in query  # that was the other host's
    page = flat(client_of(scene["olga"]).get(f"/vms/{scene['idle'].pk}/migrate/?{back_query(done)}"))
    assert re.search(r'<input[^>]*name="bandwidth_mib"[^>]*value="40"|value="40"[^>]*name="bandwidth_mib"', page)


def test_nothing_is_offered_without_a_failure(scene: dict[str, Any], done: Migration) -> None:
    Migration.objects.filter(pk=done.pk).update(arrival=ROWS[1:2])
    page = flat(client_of(scene["olga"]).get(f"/migrations/{done.pk}/"))
    assert "Migrate back…" not in page
    assert "Set the clock…" not in page
    assert "Test again" in page
    assert "After the migration" not in flat(client_of(scene["olga"]).get(f"/migrations/{scene['running'].pk}/"))


def test_over_the_api(scene: dict[str, Any], done: Migration) -> None:
    api = Api(scene["olga"])
    assert api.get(f"/migrations/{done.pk}").json()["arrival"] == ROWS
    OrmQ.objects.all().delete()
    assert api.post(f"/migrations/{done.pk}/arrival").status_code == 202
    assert api.post(f"/migrations/{done.pk}/clock", {"reason": "late"}).status_code == 202
    assert [row.task["func"].rpartition(".")[2] for row in OrmQ.objects.order_by("id")] == ["examine", "set_clock"]
    assert api.post(f"/migrations/{scene['running'].pk}/arrival").status_code == 409
    assert Api(scene["viewer"]).post(f"/migrations/{done.pk}/clock").status_code == 403


def test_the_buttons_of_the_page(scene: dict[str, Any], done: Migration) -> None:
    client = client_of(scene["olga"])
    OrmQ.objects.all().delete()
    assert client.post(f"/migrations/{done.pk}/examine/").status_code == 302
    assert client.post(f"/migrations/{done.pk}/clock/", {"reason": "late"}).status_code == 302
    assert OrmQ.objects.count() == 2
    refused = client.post(f"/migrations/{scene['running'].pk}/clock/", follow=True)
    assert "Only a VM that has arrived" in flat(refused)
