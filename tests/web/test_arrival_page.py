"""The tests of a VM that has arrived, on the page and over the API."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.test import Client
from django_q.models import OrmQ

from kvmweb.journal.models import Entry, EntryKind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.usecases import examine
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
    told = Entry.objects.filter(topic=done.topic, kind=EntryKind.ACTION).order_by("id").values_list("text", "reason")
    assert list(told)[-2:] == [
        ("olga wants the VM to be tested again", ""),
        ("olga wants the VM's clock to be set to kvmweb's", "late"),
    ]
    assert [row.task["func"].rpartition(".")[2] for row in OrmQ.objects.order_by("id")] == ["examine", "set_clock"]
    assert api.post(f"/migrations/{scene['running'].pk}/arrival").status_code == 409
    assert Api(scene["viewer"]).post(f"/migrations/{done.pk}/clock").status_code == 403


def test_the_buttons_of_the_page(scene: dict[str, Any], done: Migration) -> None:
    client = client_of(scene["olga"])
    OrmQ.objects.all().delete()
    tested = flat(client.post(f"/migrations/{done.pk}/examine/", follow=True))
    assert "The VM is being tested. The results appear here" in tested
    asked = flat(client.post(f"/migrations/{done.pk}/clock/", {"reason": "late"}, follow=True))
    assert "The journal says what came of it." in asked
    assert OrmQ.objects.count() == 2
    refused = client.post(f"/migrations/{scene['running'].pk}/clock/", follow=True)
    assert "Only a VM that has arrived" in flat(refused)


def test_a_double_click_is_one_test_and_says_so(scene: dict[str, Any], done: Migration) -> None:
    client, other = client_of(scene["olga"]), client_of(scene["admin"])
    OrmQ.objects.all().delete()
    for what in ("examine", "clock"):
        assert client.post(f"/migrations/{done.pk}/{what}/").status_code == 302
        for again in (client, other):  # a double click, and another user
            said = flat(again.post(f"/migrations/{done.pk}/{what}/", follow=True))
            assert "This was asked for a moment ago. It can be asked for again in" in said
    assert client.post(f"/migrations/{done.pk}/examine/").status_code == 302  # setting the clock tests again
    assert [row.task["func"].rpartition(".")[2] for row in OrmQ.objects.order_by("id")] == ["examine", "set_clock"]
    refused = Api(scene["olga"]).post(f"/migrations/{done.pk}/clock")
    assert (refused.status_code, refused.json()["state"]) == (409, "done")


def test_later_it_can_be_asked_for_again(
    scene: dict[str, Any], done: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Api(scene["olga"])
    assert api.post(f"/migrations/{done.pk}/arrival").status_code == 202
    monkeypatch.setattr(examine, "AGAIN_SECONDS", 0)
    assert api.post(f"/migrations/{done.pk}/arrival").status_code == 202


def test_many_vms_at_once_are_refused(scene: dict[str, Any], done: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    """Preflight checks would wait behind them."""
    monkeypatch.setattr(examine, "MOST_AT_ONCE", 1)
    other = seed.make_migration(scene["web"], scene["a"], scene["b"], State.DONE, call_made=True, arrival=ROWS)
    api = Api(scene["olga"])
    assert api.post(f"/migrations/{done.pk}/arrival").status_code == 202
    refused = api.post(f"/migrations/{other.pk}/arrival")
    assert refused.status_code == 409
    assert "1 VMs are being tested already" in refused.json()["detail"]


@pytest.mark.parametrize("what", ["examine", "clock"])
def test_only_a_posted_form_of_the_page_counts(scene: dict[str, Any], done: Migration, what: str) -> None:
    OrmQ.objects.all().delete()
    address = f"/migrations/{done.pk}/{what}/"
    assert client_of(scene["olga"]).get(address).status_code == 405
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(scene["olga"])
    assert forged.post(address).status_code == 403
    assert client_of(scene["viewer"]).post(address).status_code == 403
    assert Client().post(address).status_code in (302, 403)
    assert client_of(scene["olga"]).post(f"/migrations/{10**12}/{what}/").status_code == 404
    assert not OrmQ.objects.exists()


def test_a_vm_that_has_migrated_on_is_not_touched_from_its_old_page(scene: dict[str, Any], done: Migration) -> None:
    seed.make_migration(scene["idle"], scene["b"], scene["a"], State.DONE, call_made=True, arrival=ROWS)
    OrmQ.objects.all().delete()
    for what in ("examine", "clock"):
        said = flat(client_of(scene["olga"]).post(f"/migrations/{done.pk}/{what}/", follow=True))
        assert "The VM has migrated again since." in said
    assert not OrmQ.objects.exists()


def test_a_reason_that_is_no_text_is_refused(scene: dict[str, Any], done: Migration) -> None:
    OrmQ.objects.all().delete()
    client_of(scene["olga"]).post(f"/migrations/{done.pk}/clock/", {"reason": "x" * 5000})
    assert Api(scene["olga"]).post(f"/migrations/{done.pk}/clock", {"reason": "x" * 5000}).status_code == 422
    assert not OrmQ.objects.exists()
