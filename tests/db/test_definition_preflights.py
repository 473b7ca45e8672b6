"""POST /preflights with a definition: what is refused, what both hosts are asked, and what is kept."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django_q.models import OrmQ

from hosts.facts.given_definition import MOST_BYTES
from hosts.facts.guest import RunState
from hosts.facts.host import HostCapabilities, MachineType
from kvmweb.accounts.permissions import Role
from kvmweb.journal.models import Entry
from migrations_app.api import preflights as operations
from migrations_app.models import Migration, Preflight
from migrations_app.usecases import keep_preflights
from migrations_app.worker import run_preflight as worker
from migrations_app.worker.run_preflight import run_preflight
from tests.db.moving import IMAGES, LOCAL, Scene, volume
from tests.fakes.gateway import FakeConnection
from tests.fakes.guests import new_guest
from tests.web.api_client import Api, check_problem, fields
from tests.web.seed import make_person

UUID = "7d0d4d0e-8f42-4a4c-9a4e-0c4d1d8f5a01"
MACHINE = "pc-q35-7.2"
BOMB = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><domain>&b;</domain>'
FILE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain><name>&x;</name></domain>'


def xml(*devices: str, name: str = "new-01", path: str = f"{IMAGES}/new-01.qcow2", top: str = "") -> str:
    return f"""<domain type='qemu'>
  <name>{name}</name>
  <uuid>{UUID}</uuid>
  <memory unit='KiB'>1048576</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='{MACHINE}'>hvm</type></os>
  <cpu mode='custom'><model>qemu64</model></cpu>{top}
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none'/><source file='{path}'/><target dev='vda' bus='virtio'/>
    </disk>
    {"".join(devices)}
  </devices>
</domain>"""


@pytest.fixture
def scene(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The disk of the definition is on the shared pool; no host has the VM."""
    monkeypatch.setattr(operations, "PREFLIGHT_SECONDS", 0)
    for fake in scene.fleet.hosts.values():
        fake.volumes.append(volume(f"{IMAGES}/new-01.qcow2"))
        fake.files["/usr/bin/qemu-system-x86_64"] = True
    return scene


@pytest.fixture
def api(scene: Scene) -> Api:
    return Api(scene.operator)


def wish(text: Any = None, **more: Any) -> dict[str, Any]:
    return {"definition": xml() if text is None else text, "source": "kvm-a", "target": "kvm-b", **more}


def report(api: Api, scene: Scene, text: str | None = None, **more: Any) -> dict[str, Any]:
    """The answer of the later GET, after a worker has been there."""
    asked = api.post("/preflights", wish(text, **more))
    assert asked.status_code == 202, asked.content
    pk = asked.json()["id"]
    assert asked["Location"] == f"/api/v1/preflights/{pk}"
    run_preflight(pk, connect=scene.fleet.connect)
    found = api.get(f"/preflights/{pk}")
    assert found.status_code == 200
    body: dict[str, Any] = found.json()
    assert body["error"] == ""
    return body


def said(body: dict[str, Any]) -> dict[str, str]:
    return {finding["check"]: finding["severity"] for finding in body["findings"] if finding["severity"] != "passed"}


def test_an_ordinary_definition_is_ok(api: Api, scene: Scene) -> None:
    body = report(api, scene)
    assert (body["verdict"], said(body)) == ("ok", {"peer_reachable": "info"})
    assert (body["copied_disks"], body["forecast"]) == ([], None)
    checks = {finding["check"] for finding in body["findings"]}
    assert {"not_examined", "disks_reachable", "memory_free", "kind_applies", "cpu_model"} <= checks
    assert not checks & {"snapshots", "guest_busy", "guest_state"}  # only a VM has these


def test_hosts_are_named_by_id_too(api: Api, scene: Scene) -> None:
    ids = {"source": scene.hosts["kvm-a"].pk, "target": str(scene.hosts["kvm-b"].pk)}
    assert report(api, scene, **ids)["verdict"] == "ok"


@pytest.mark.parametrize(
    ("devices", "check"),
    [
        ("<crypto model='virtio'><backend model='builtin'/></crypto>", "unmigratable"),
        ("<fluxcapacitor/>", "not_examined"),
        (
            "<interface type='bridge'><source bridge='br1'/><model type='virtio'/><filterref filter='gone'/></interface>",
            "network_filters",
        ),
    ],
)
def test_an_oddity_is_a_finding_more(api: Api, scene: Scene, devices: str, check: str) -> None:
    body = report(api, scene, xml(devices))
    assert body["verdict"] in ("blocked", "unknown")
    assert check in said(body)


def test_the_source_needs_no_such_vm_and_changes_nothing(api: Api, scene: Scene) -> None:
    report(api, scene)
    asked = set(scene.fleet.methods("kvm-a"))
    assert {"identity", "capabilities", "pools", "volume_at", "find_guest"} <= asked
    assert not asked & {"guest_details", "look", "block_jobs", "probe_peer", "migrate"}


def test_a_vm_with_its_name_or_uuid_on_the_destination_blocks(api: Api, scene: Scene) -> None:
    scene.fleet["kvm-b"].add(new_guest("old", UUID, state=RunState.SHUTOFF))
    assert said(report(api, scene))["identity_free"] == "blocker"
    scene.fleet["kvm-b"].guests.clear()
    scene.fleet["kvm-b"].add(new_guest("new-01"))
    assert said(report(api, scene))["identity_free"] == "blocker"


def test_on_the_source_it_is_said_what_that_means(api: Api, scene: Scene) -> None:
    scene.fleet["kvm-a"].add(new_guest("new-01", UUID))
    body = report(api, scene)
    assert (body["verdict"], said(body)["identity_here"]) == ("ok", "info")
    upper = report(api, scene, xml().replace(UUID, UUID.upper().replace("-", "")))
    assert said(upper)["identity_here"] == "info"
    assert said(report(api, scene, xml(name="other")))["identity_here"] == "blocker"


def test_disks_are_looked_at_on_both_hosts(api: Api, scene: Scene) -> None:
    local = f"{LOCAL}/new-01.qcow2"
    body = report(api, scene, xml(path=local))
    assert body["verdict"] == "blocked"
    assert {"disks_reachable"} <= said(body).keys()
    scene.fleet["kvm-a"].volumes.append(volume(local, "default"))
    scene.fleet["kvm-b"].files[local] = False
    body = report(api, scene, xml(path=local), kind="live_storage")
    assert body["copied_disks"] == ["vda"]
    assert "disks_reachable" not in said(body)
    scene.fleet["kvm-b"].files[local] = True
    assert report(api, scene, xml(path=local), kind="live_storage")["verdict"] == "blocked"


def test_a_kind_that_copies_needs_a_disk(api: Api, scene: Scene) -> None:
    text = re.sub(r"<disk.*</disk>", "", xml(), flags=re.DOTALL)
    assert said(report(api, scene, text, kind="live_storage"))["kind_applies"] == "blocker"


def test_a_definition_is_checked_for_live_methods_only(api: Api) -> None:
    assert fields(api.post("/preflights", wish(kind="offline"))) == ["kind"]


def test_a_host_that_is_not_reachable_is_in_the_report(api: Api, scene: Scene) -> None:
    scene.fleet["kvm-b"].silent = True
    body = report(api, scene)
    assert (body["verdict"], said(body)["hosts_answer"]) == ("blocked", "blocker")


def test_libvirt_is_not_made_to_run_a_program_of_the_users_choice(api: Api, scene: Scene) -> None:
    body = report(api, scene, xml().replace("/usr/bin/qemu-system-x86_64", "/tmp/mine"))
    assert body["verdict"] in ("unknown", "blocked")
    assert not {"domain_capabilities", "compare_cpu"} & set(scene.fleet.methods())
    assert "/tmp/mine is not an emulator that libvirt on kvm-b lists" in json.dumps(body)


def test_an_alias_is_the_machine_type_that_the_source_makes_of_it(
    api: Api, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the destination q35 is another machine type."""
    plain = FakeConnection.capabilities

    def with_alias(self: FakeConnection) -> HostCapabilities:
        found = plain(self)
        alias = MachineType(name="q35", canonical=self._host.machines[0])
        return replace(found, guests=(replace(found.guests[0], machines=(*found.guests[0].machines, alias)),))

    monkeypatch.setattr(FakeConnection, "capabilities", with_alias)
    text = xml().replace(MACHINE, "q35")
    assert report(api, scene, text)["verdict"] == "ok"
    scene.fleet["kvm-b"].machines = ("pc-q35-6.2",)
    body = report(api, scene, text)
    assert said(body)["machine_type"] == "blocker"
    assert MACHINE in json.dumps(body)


def test_host_model_is_known_when_both_hosts_have_one_cpu(
    api: Api, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = FakeConnection.capabilities
    text = (
        xml()
        .replace("type='qemu'>", "type='kvm'>")
        .replace("mode='custom'><model>qemu64</model></cpu>", "mode='host-model'/>")
    )
    assert "cpu_model" not in said(report(api, scene, text))

    def another(self: FakeConnection) -> HostCapabilities:
        return replace(plain(self), cpu_model="EPYC" if self._host.name == "kvm-b" else "qemu64")

    monkeypatch.setattr(FakeConnection, "capabilities", another)
    assert said(report(api, scene, text))["cpu_model"] == "unknown"


def test_after_some_time_hosts_are_asked_nothing_more(api: Api, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MOST_SECONDS", -1.0)
    body = report(api, scene)
    assert body["verdict"] == "blocked"
    assert "the check took too long" in json.dumps(body)
    assert {"identity", "volume_at"}.isdisjoint(scene.fleet.methods())


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_the_definition_is_kept_until_it_is_checked_and_passwords_not_at_all(
    api: Api, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vnc = "<graphics type='vnc' port='-1' autoport='yes' passwd='geheim'/>"
    asked = api.post("/preflights", wish(xml(vnc, "<odd passwd='geheim'><password>geheim</password></odd>")))
    row = Preflight.objects.get()
    assert "graphics" in row.definition
    run_preflight(row.pk, connect=scene.fleet.connect)
    body = api.get(f"/preflights/{row.pk}")
    row.refresh_from_db()
    assert row.definition == ""
    kept = [*Entry.objects.values_list("text", "body"), *OrmQ.objects.values_list("payload"), row.findings]
    for text in (asked.content, body.content, str(kept), caplog.text):
        assert "geheim" not in str(text)


def test_a_definition_that_nobody_checks_is_not_kept(api: Api, scene: Scene) -> None:
    api.post("/preflights", wish())
    Preflight.objects.update(asked="2026-01-01T00:00:00Z")
    assert "No worker answered" in api.get(f"/preflights/{Preflight.objects.get().pk}").json()["error"]
    assert Preflight.objects.get().definition == ""
    keep_preflights._swept = float("-inf")
    keep_preflights.sweep()
    assert not Preflight.objects.exists()


def test_it_is_in_the_journal_of_the_source(api: Api, scene: Scene) -> None:
    api.post("/preflights", wish(xml(name="\u05d0")))
    entry = Entry.objects.get(topic=f"host:{scene.hosts['kvm-a'].pk}", kind="action")
    assert entry.actor == scene.operator
    assert entry.text == (
        f"{scene.operator} requested a preflight check of a definition of \u2068\u05d0\u2069 for kvm-b."
    )


def test_no_page_shows_it_and_no_migration_starts_with_it(api: Api, scene: Scene, client: Client) -> None:
    guest = scene.add_guest()
    pk = api.post("/preflights", wish()).json()["id"]
    client.force_login(scene.operator)
    assert client.get(f"/preflights/{pk}/").status_code == 404
    assert client.get(f"/vms/{guest.definition.uuid}/migrate/", {"preflight": pk}).context["report"] is None
    for body in (wish(), wish(guest=guest.definition.uuid), {**wish(), "guest": UUID, "preflight": pk}):
        assert "definition" in fields(api.post("/migrations", body))
    assert api.post("/migrations", {"guest": UUID, "target": "kvm-b"}).status_code == 404
    assert not Migration.objects.exists()


def test_a_row_is_about_a_vm_or_about_a_definition(scene: Scene) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Preflight.objects.create(target=scene.hosts["kvm-b"], kind="live")


# --- what is refused --------------------------------------------------------------------------------------------------

IDS = f"<name>x</name><uuid>{UUID}</uuid>"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (wish("no xml"), "definition"),
        (wish(""), "definition"),
        (wish(BOMB), "definition"),
        (wish(FILE), "definition"),
        (wish("<network/>"), "definition"),
        (wish(f"<domain><uuid>{UUID}</uuid></domain>"), "definition"),
        (wish("<domain><name>x</name><uuid>x</uuid></domain>"), "definition"),
        (wish(f"<domain>{IDS}\x00</domain>"), "definition"),
        (wish(f"<domain>{IDS}\ud800</domain>"), "definition"),
        (wish(f"<domain>{IDS}{'<a>' * 5000}{'</a>' * 5000}</domain>"), "definition"),
        (wish(7), "definition"),
        (wish(["<domain/>"]), "definition"),
        (wish({"xml": "<domain/>"}), "definition"),
        (wish(guest=UUID), "definition"),
        ({"definition": "<domain/>", "target": "kvm-b"}, "source"),
        ({"source": "kvm-a", "target": "kvm-b"}, "guest"),
        ({"target": "kvm-b"}, "guest"),
        ({**wish(), "definition": None}, "guest"),
        (wish(source="kvm-z"), "source"),
        (wish(source=999), "source"),
        (wish(source=True), "source"),
        (wish(source=""), "source"),
        (wish(source=None), "source"),
        (wish(source="a\x00b"), "source"),
        (wish(source={"name": "kvm-a"}), "source"),
        (wish(source=10**30), "source"),
        (wish(target="kvm-z"), "target"),
        (wish(target=None), "target"),
        (wish(target="kvm-a"), "target"),
        (wish(kind="cold"), "kind"),
        (wish(kind=7), "kind"),
        (wish(options=[]), "options"),
        (wish(options={"odd": 1}), "options.odd"),
        (wish(options={"copy_disks": True}), "copy_disks"),
        (wish(options={"max_downtime_ms": "x"}), "options.max_downtime_ms"),
        (wish(more=1), "more"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api.post("/preflights", body)
    assert field in fields(answer)
    assert not Preflight.objects.exists()
    assert not OrmQ.objects.exists()
    assert not Entry.objects.filter(kind="action").exists()


@pytest.mark.parametrize("body", ["", "[", "[]", "7", "null", '"x"', b"\xff", "[" * 100_000, b'{"definition": "\x00"}'])
def test_what_is_no_request_is_refused(api: Api, body: str | bytes) -> None:
    answer = api.post("/preflights", body)
    assert answer.status_code in (400, 422)
    check_problem(answer)


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 900_000, 3_000_000])
def test_what_is_too_large_is_refused(api: Api, size: int) -> None:
    answer = api.post("/preflights", wish("x" * size))
    assert answer.status_code == 413
    check_problem(answer)
    if size < 1_000_000:
        assert [error["field"] for error in answer.json()["errors"]] == ["definition"]
    assert not Preflight.objects.exists()


def test_only_who_may_migrate_may_ask(scene: Scene) -> None:
    viewer: User = make_person("vera", Role.VIEWER)
    nobody: User = make_person("nora", None)
    assert Api().post("/preflights", wish()).status_code == 401
    for person in (viewer, nobody):
        assert Api(person).post("/preflights", wish()).status_code == 403
    assert Api(scene.operator).post("/preflights", wish(options={"unsafe": True})).status_code == 403
    assert not Preflight.objects.exists()


def test_a_large_definition_is_checked_in_time(api: Api, scene: Scene) -> None:
    """Many unknown parts, each with a name of its own, are the most work that fits."""
    odd = "".join(f"<o{number}/>" for number in range(19_000))
    notes = f"<description>{'words ' * 2_000}</description>"
    body = report(api, scene, xml(odd, top=notes))
    assert said(body)["not_examined"] == "unknown"


def test_the_table_has_the_rule_on_this_database(scene: Scene) -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Preflight._meta.db_table)
    assert "preflight_of_guest_or_definition" in found
