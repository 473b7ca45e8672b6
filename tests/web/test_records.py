"""The record of a migration to download, the history for a spreadsheet, and migrations beside each other."""

from __future__ import annotations

import csv
import io
import re
import time
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client

from kvmweb.accounts.models import Token
from kvmweb.steps import Written
from migrations_app.domain.lifecycle import State
from migrations_app.domain.options import Options
from migrations_app.models import Decision, Migration
from migrations_app.pages.history_csv import COLUMNS, safe
from tests.web import seed
from tests.web.pages import flat

PART = {"kind": "usb", "key": "k", "name": "USB device 1d6b:0002", "out": "<hostdev/>", "back": "<hostdev/>"}
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


def record_of(client: Client, row: Migration) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/migrations/{row.pk}/record.json").json()
    return found


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


def test_the_text_says_what_the_json_says(done: Migration, as_viewer: Client, scene: dict[str, Any]) -> None:
    long = "virsh net-define /etc/libvirt/qemu/networks/with-a-long-name.xml " * 3
    remedy = {"text": "Make it.", "command": long.strip(), "on": "kvm-b"}
    finding = {"check": "networks", "severity": "blocker", "summary": "There is no network.", "affects": "x"}
    Migration.objects.filter(pk=done.pk).update(
        findings=[{**finding, "evidence": {"needed by": "vnet0"}, "remedies": [remedy]}],
        options=Options(bandwidth_mib=50).as_json(),
        copied_disks=["vda", "vdb"],
        felt={"from": "kvmweb", "address": "192.0.2.9", "sent": 40, "lost": 2, "longest_ms": 131},
        arrival=[{"test": "cpu", "result": "failed", "text": "CPU time stands still."}],
        error={"cause": "It broke.", "what_to_do": "Try again.", "libvirt": "internal error:\n\tqemu says no"},
        steps=[
            Written(step="take out", about={"part": PART, "other_there": False}).as_json(),
            Written(
                step="left out",
                about={"key": "k", "host": "kvm-b", "why": "It is gone.", "to_do": "Plug it in."},
            ).as_json(),
        ],
        versions={"kvmweb": "0.1.0", **done.versions},
        lane="portal",
        urgent=True,
        restart_of=scene["failed"].pk,
    )
    done.orders.create(
        what="bandwidth_mib", value=400, state="applied", requested=400, read_back=399, text="libvirt took it.",
        asked_by_name="olga", asked_at=done.requested_at, reason="backup",
    )  # fmt: skip
    record = as_viewer.get(f"/migrations/{done.pk}/record.json").json()
    text = " ".join(read(as_viewer, done).split())
    for said in (
        *("kvmweb 0.1.0", "There is no network. [networks]", "needed by: vnet0", "What to do: Make it."),
        *(f"kvm-b# {long.strip()}", "50 MiB/s", "vda, vdb", "131 ms without an answer, 2 of 40 probes lost"),
        *("failed CPUs: CPU time stands still.", "It broke.", "Try again.", "internal error: qemu says no"),
        *("USB device 1d6b:0002: left out on kvm-b", "It is gone.", "Plug it in.", "for a request of the portal"),
        *(
            f"of migration {scene['failed'].pk}",
            "bandwidth_mib 400 by olga: applied. libvirt took it. libvirt was asked",
        ),
        *(
            "for 400, it reported 399. “backup”",
            "Allowed more.",
            "Based on 3 earlier migrations",
            "The same as before.",
        ),
        *("likely 9 s", "84 ms", "412 MiB/s", "Passes 2"),
    ):
        assert said in text, said
    for entry in record["journal"]:
        assert entry["text"] in text
        assert entry["reason"] in text
    moments = [one["at"][:23].replace("T", " ").rstrip("Z") for one in record["samples"]]
    assert moments
    assert all(moment in text for moment in moments)


def test_what_was_not_recorded_is_said(scene: dict[str, Any], as_viewer: Client) -> None:
    """As a migration from before the record was kept, or one that never began."""
    text = read(as_viewer, scene["blocked"])
    assert "kvmweb  not recorded" in text
    assert text.count("\nnot recorded\n") == 2
    assert "Measured" not in text
    assert "Definition afterwards" not in read(as_viewer, scene["queued"])
    record = as_viewer.get(f"/migrations/{scene['blocked'].pk}/record.json").json()
    nothing = {"libvirt": "", "qemu": ""}
    assert record["versions"] == {"kvmweb": "", "source": nothing, "target": nothing}


def test_no_sample_is_close_to_another(done: Migration, as_viewer: Client) -> None:
    """More are written while short passes begin."""
    seed.add_samples(done, 100)
    times = [datetime.fromisoformat(one["at"]) for one in record_of(as_viewer, done)["samples"]]
    assert min(after - before for before, after in pairwise(times)) >= timedelta(seconds=0.45)


def test_a_hostile_definition_is_bounded(done: Migration, as_viewer: Client) -> None:
    big = "<domain>" + "<x a='" + "y" * 1000 + "'/>" + "</domain>"
    for xml in (big * 2, "<domain>" * 300 + "</domain>" * 300, "<domain>" + "x" * 5_000_000 + "</domain>"):
        Migration.objects.filter(pk=done.pk).update(source_xml=xml)
        assert record_of(as_viewer, done)["definition_before"] == ""
    many = "<domain>" + "<x>\t\u202ea</x>\n" * 50_000 + "</domain>"
    Migration.objects.filter(pk=done.pk).update(source_xml=many)
    began = time.process_time()
    assert "\u202e" not in read(as_viewer, done)
    assert time.process_time() - began < 20


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


def test_what_differs_between_methods_and_ends_is_told(done: Migration, as_viewer: Client) -> None:
    felt = {"from": "kvmweb", "address": "192.0.2.9", "sent": 40, "lost": 2, "longest_ms": 131}
    changes: list[dict[str, Any]] = [
        {"kind": "storage", "target_id": done.source_id, "progress": {}},
        {"kind": "offline", "progress": {}, "downtime_ms": None, "felt": felt},
        {"state": "failed", "error": {"cause": "The link broke."}},
    ]
    for change in changes:
        row = Migration.objects.get(pk=done.pk)
        row.pk, row._state.adding = None, True
        for name, value in change.items():
            setattr(row, name, value)
        row.save()
    shown = flat(as_viewer.get(f"/migrations/compare/?vm={done.guest_id}"))
    for part in (
        f"within {done.source}",
        "Offline",
        "Storage",
        "131 ms",
        "The link broke.",
        "8 to 12 s, most likely 9 s",
    ):
        assert part in shown, part


def test_the_way_back_of_two_hosts_is_one_click(done: Migration, as_viewer: Client) -> None:
    here, there = done.source_id, done.target_id
    shown = as_viewer.get(f"/migrations/compare/?source={here}&target={there}").content.decode()
    assert f'href="?source={there}&amp;target={here}"' in shown
    assert "The other way" not in as_viewer.get(f"/migrations/compare/?vm={done.guest_id}").content.decode()


def test_what_runs_or_never_began_is_not_compared(scene: dict[str, Any], as_viewer: Client) -> None:
    for name in ("running", "queued"):
        shown = flat(as_viewer.get(f"/migrations/compare/?vm={scene[name].guest_id}"))
        assert f'/migrations/{scene[name].pk}/"' not in shown.partition("compare-title")[2]
        assert "No migration has started and ended here yet." in shown


def test_older_ones_follow(done: Migration, as_viewer: Client) -> None:
    for number in range(8):
        row = Migration.objects.get(pk=done.pk)
        row.pk, row.guest_name, row._state.adding = None, f"copy-{number}", True
        row.save()
    address = f"/migrations/compare/?source={done.source_id}&target={done.target_id}"
    shown = as_viewer.get(address).content.decode()
    [older] = re.findall(r'href="\?([^"]*before=[^"]*)"', shown.replace("&amp;", "&"))
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
