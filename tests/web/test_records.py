"""The record of a migration to download, the history for a spreadsheet, and migrations beside each other."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client

from kvmweb.accounts.models import Token
from migrations_app.domain.lifecycle import State
from migrations_app.domain.options import Options
from migrations_app.models import Decision, Migration
from migrations_app.pages.history_csv import COLUMNS, safe
from tests.web.pages import flat

XML = "<domain><name>web-01</name><devices><graphics type='vnc' passwd='s3cret'/></devices></domain>"


@pytest.fixture
def done(scene: dict[str, Any]) -> Migration:
    row: Migration = scene["done"]
    versions = {"source": {"libvirt": "9.0.0", "qemu": "7.2.19"}, "target": {"libvirt": "11.3.0", "qemu": "10.0.0"}}
    Migration.objects.filter(pk=row.pk).update(source_xml=XML, target_xml=XML, versions=versions)
    Decision.objects.create(
        migration=row, at=row.requested_at, action="downtime", downtime_ms=500, text="Allowed more."
    )
    row.refresh_from_db()
    return row


def read(client: Client, row: Migration) -> str:
    answer = client.get(f"/migrations/{row.pk}/record.txt")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="migration-{row.pk}.txt"'
    return answer.content.decode()


def test_the_record_has_everything_and_no_secret(done: Migration, as_viewer: Client) -> None:
    record = as_viewer.get(f"/migrations/{done.pk}/record.json").json()
    assert record["versions"]["target"] == {"libvirt": "11.3.0", "qemu": "10.0.0"}
    assert "web-01" in record["definition_before"]
    assert "web-01" in record["definition_after"]
    assert record["decisions"][0]["text"] == "Allowed more."
    assert record["truth"]["downtime_ms"] == done.downtime_ms
    assert record["samples"]
    assert "s3cret" not in str(record)
    text = read(as_viewer, done)
    for part in ("libvirt 11.3.0, QEMU 10.0.0", "Allowed more.", "requested the migration", "<name>web-01</name>"):
        assert part in text
    assert "s3cret" not in text


def test_the_api_gives_the_same_record(done: Migration, as_viewer: Client, scene: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {Token.issue(User.objects.get(username='vera'))}"}
    record = Client(headers=headers).get(f"/api/v1/migrations/{done.pk}/record").json()
    assert record == as_viewer.get(f"/migrations/{done.pk}/record.json").json()


def test_every_migration_has_a_record(scene: dict[str, Any], as_viewer: Client) -> None:
    for row in Migration.objects.all():
        assert f"UUID {row.guest_id}" in read(as_viewer, row)
        assert as_viewer.get(f"/migrations/{row.pk}/record.json").json()["migration"]["id"] == row.pk


def test_a_hostile_text_neither_breaks_a_line_nor_reaches_a_terminal(done: Migration, as_viewer: Client) -> None:
    Migration.objects.filter(pk=done.pk).update(state_text="one\n\x1b[31mState  failed\u202e", guest_name="a\nb")
    text = read(as_viewer, done)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "one\ufffd\ufffd[31mState" in text


def test_the_history_is_that_of_the_list_and_safe(scene: dict[str, Any], as_viewer: Client) -> None:
    done = scene["done"]
    Migration.objects.filter(pk=done.pk).update(reason="=HYPERLINK(1)", guest_name=' @"x",\n1')
    answer = as_viewer.get("/migrations/history.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [int(row["id"]) for row in rows] == list(Migration.objects.order_by("-id").values_list("pk", flat=True))
    [row] = [row for row in rows if row["id"] == str(done.pk)]
    assert row["reason"] == "'=HYPERLINK(1)"
    assert row["vm"] == '\' @"x",\n1'
    assert row["downtime_ms"] == str(done.downtime_ms)
    some = csv.DictReader(io.StringIO(as_viewer.get("/migrations/history.csv?state=done").content.decode()))
    assert {row["state"] for row in some} == {State.DONE}
    none = as_viewer.get("/migrations/history.csv?state=nonsense").content.decode()
    assert none.splitlines() == [",".join(f'"{name}"' for name in COLUMNS)]
    assert "/migrations/history.csv?state=done" in as_viewer.get("/migrations/?state=done").content.decode()


@pytest.mark.parametrize(
    "text",
    [*("=1", "+1", "-1", "@A1", "\ta", "\rb", "\nc", "  =1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "-1 \u00b0C"),
     *("\u00a0=1", "\ufeff=1", "\u200b=1", '"=1', "\x00=1")],
)  # fmt: skip
def test_what_a_spreadsheet_would_calculate_is_text(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["a;=1", 'a; "@A1', "a\n=1", "a\t+1", "a\r\n-1"])
def test_no_separator_of_another_language_begins_a_formula(text: str) -> None:
    """Such a spreadsheet splits this line at its semicolons and its ends; a quote in the middle of a cell is a letter."""
    for line in re.split("[\r\n]", safe(text)):
        for cell in re.split("[;\t]", line)[1:]:
            assert cell.strip(' "')[:1] not in ("=", "+", "-", "@")
    assert safe(text).replace("'", "") == text


@pytest.mark.parametrize("cell", [None, 5, -5, 2.5, -2.5, "web-01", "", "a=1", "a, -1", "Grüße; ja"])
def test_other_cells_stay(cell: Any) -> None:
    assert safe(cell) == cell


def whole(answer: Any) -> str:
    async def read() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(read)().decode()


def test_a_long_history_comes_in_pieces(done: Migration, as_viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrations_app.pages.history_csv._ROWS_AT_ONCE", 3)
    for number in range(8):
        row = Migration.objects.get(pk=done.pk)
        row.pk, row.guest_name, row._state.adding = None, f"Prüfung-{number}", True
        row.save()
    answer = as_viewer.get("/migrations/history.csv")
    assert answer.streaming
    rows = list(csv.DictReader(io.StringIO(whole(answer))))
    assert [int(row["id"]) for row in rows] == list(Migration.objects.order_by("-id").values_list("pk", flat=True))
    assert rows[0]["vm"] == "Prüfung-7"
    some = as_viewer.get("/migrations/history.csv?q=prüfung-1").content.decode()
    assert len(some.splitlines()) == 2


def test_the_history_has_forecast_and_truth(scene: dict[str, Any], as_viewer: Client) -> None:
    felt = {"from": "kvmweb", "address": "192.0.2.9", "sent": 40, "lost": 2, "longest_ms": 131}
    options = Options(bandwidth_mib=50).as_json()
    Migration.objects.filter(pk=scene["done"].pk).update(felt=felt, options=options)
    rows = csv.DictReader(io.StringIO(as_viewer.get("/migrations/history.csv").content.decode()))
    [row] = [row for row in rows if row["id"] == str(scene["done"].pk)]
    assert (row["felt_ms"], row["downtime_ms"], row["options"]) == ("131", "84", '{"bandwidth_mib": 50}')
    assert float(row["forecast_low_ms"]) <= float(row["forecast_high_ms"])


def test_migrations_of_a_vm_and_of_two_hosts_are_compared(done: Migration, as_viewer: Client) -> None:
    for address in (f"vm={done.guest_id}", f"source={done.source_id}&target={done.target_id}"):
        shown = flat(as_viewer.get(f"/migrations/compare/?{address}"))
        assert f"/migrations/{done.pk}/" in shown
        assert "11.3.0" in shown
        assert "Downtime" in shown
        assert " compared</span>" in shown


def test_older_ones_follow(done: Migration, as_viewer: Client) -> None:
    for number in range(8):
        row = Migration.objects.get(pk=done.pk)
        row.pk, row.guest_name, row._state.adding = None, f"copy-{number}", True
        row.save()
    address = f"/migrations/compare/?source={done.source_id}&target={done.target_id}"
    shown = as_viewer.get(address).content.decode()
    older = shown.partition('href="?')[2].partition('"')[0].replace("&amp;", "&")
    assert "copy-1<" not in shown
    assert "copy-7<" in shown
    after = as_viewer.get(f"/migrations/compare/?{older}").content.decode()
    assert f"/migrations/{done.pk}/" in after
    assert "Older ones" not in after


def test_without_an_address_the_page_says_where_to_begin(scene: dict[str, Any], as_viewer: Client) -> None:
    assert "Choose what to compare" in flat(as_viewer.get("/migrations/compare/"))


@pytest.mark.parametrize("query", ["vm=nonsense", "source=99999", "vm=&before=3", "source=1&before=x"])
def test_an_address_that_names_nothing_is_not_found(scene: dict[str, Any], as_viewer: Client, query: str) -> None:
    assert as_viewer.get(f"/migrations/compare/?{query}").status_code == 404
