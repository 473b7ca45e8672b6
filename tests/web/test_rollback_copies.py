"""Rollback copies on pages and in the API: what they show, and what a deletion needs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from hosts.models import Host, Sighting
from migrations_app.models import CopyState, RollbackCopy
from tests.web import seed
from tests.web.api_client import Api, fields


@pytest.fixture
def connected(scene: dict[str, Any]) -> dict[str, Any]:
    Host.objects.update(contact=Host.Contact.ANSWERS)
    return scene


def test_the_api_lists_them(scene: dict[str, Any]) -> None:
    (item,) = Api(scene["viewer"]).items("/rollback-copies")
    copy = scene["kept"]
    assert (item["id"], item["vm"], item["disk"], item["host"]) == (copy.pk, "idle-01", "vda", "kvm-a")
    assert (item["size"], item["state"], item["verification"]) == (20 * 1024**3, "present", "mirror")
    assert item["migration"] == scene["done"].pk
    assert item["age_seconds"] >= 20 * 86_400
    assert Api(scene["viewer"]).items("/rollback-copies", state="deleted") == []
    assert Api(scene["viewer"]).get(f"/rollback-copies/{copy.pk}").json() == item | {
        "age_seconds": Api(scene["viewer"]).get(f"/rollback-copies/{copy.pk}").json()["age_seconds"]
    }


def test_a_deletion_is_recorded_for_a_worker(connected: dict[str, Any]) -> None:
    path = f"/rollback-copies/{connected['kept'].pk}/delete"
    answer = Api(connected["admin"]).post(path, {"confirm": "idle-01", "reason": "space"})
    assert (answer.status_code, answer.json()["state"], answer.json()["delete_requested_by"]) == (
        202,
        "deleting",
        "ada",
    )
    again = Api(connected["admin"]).post(path, {"confirm": "idle-01"})
    assert (again.status_code, again.json()["state"]) == (409, "deleting")


def test_a_deletion_needs_the_name(connected: dict[str, Any]) -> None:
    path = f"/rollback-copies/{connected['kept'].pk}/delete"
    assert fields(Api(connected["admin"]).post(path, {"confirm": "idle"})) == ["confirm"]
    assert RollbackCopy.objects.get().state == CopyState.PRESENT


def test_a_host_that_is_not_reachable_refuses_at_once(scene: dict[str, Any]) -> None:
    answer = Api(scene["admin"]).post(f"/rollback-copies/{scene['kept'].pk}/delete", {"confirm": "idle-01"})
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("kvm-c is not reachable: kvmweb cannot tell whether a VM there uses")
    assert RollbackCopy.objects.get().state == CopyState.PRESENT


def test_a_vm_that_is_known_to_use_it_refuses_at_once(connected: dict[str, Any]) -> None:
    guest = connected["db"]
    guest.disks = [{"target": "vda", "path": connected["kept"].path}]
    guest.save()
    assert Sighting.objects.filter(guest=guest, host=connected["a"], gone_since=None).exists()
    answer = Api(connected["admin"]).post(f"/rollback-copies/{connected['kept'].pk}/delete", {"confirm": "idle-01"})
    assert (answer.status_code, answer.json()["detail"][:21]) == (409, "db-01 on kvm-a uses /")


def test_the_page_lists_filters_and_reminds(scene: dict[str, Any], as_viewer: Client) -> None:
    page = as_viewer.get(reverse("rollback-copy-list")).content.decode()
    assert "idle-01" in page
    assert "20 GiB" in page
    assert "1 rollback copy is older than 14 days. kvmweb deletes none of them by itself." in page
    assert "No rollback copy matches" in as_viewer.get(reverse("rollback-copy-list"), {"q": "web"}).content.decode()
    assert "older than 14 days" in as_viewer.get(reverse("dashboard")).content.decode()
    RollbackCopy.objects.update(state=CopyState.DELETED)
    assert "older than 14 days" not in as_viewer.get(reverse("dashboard")).content.decode()


def test_the_page_of_a_copy_says_what_was_not_compared(scene: dict[str, Any], as_viewer: Client) -> None:
    page = as_viewer.get(reverse("rollback-copy", args=[scene["kept"].pk])).content.decode()
    assert "The content was not compared." in page
    assert "Delete this rollback copy" not in page


def test_the_page_of_a_migration_names_its_copies(scene: dict[str, Any], as_viewer: Client) -> None:
    page = as_viewer.get(reverse("migration", args=[scene["done"].pk])).content.decode()
    assert reverse("rollback-copy", args=[scene["kept"].pk]) in page
    assert "stay until somebody deletes them" in page


def test_the_form_deletes_with_the_name_only(connected: dict[str, Any], as_admin: Client) -> None:
    address = reverse("rollback-copy-delete", args=[connected["kept"].pk])
    wrong = as_admin.post(address, {"confirm": "idle"})
    assert (wrong.status_code, RollbackCopy.objects.get().state) == (422, CopyState.PRESENT)
    assert "Confirm the deletion with the exact name of the VM." in wrong.content.decode()
    assert as_admin.post(address, {"confirm": "idle-01"}).status_code == 302
    assert RollbackCopy.objects.get().state == CopyState.DELETING


def test_the_form_needs_a_csrf_token(connected: dict[str, Any]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(connected["admin"])
    address = reverse("rollback-copy-delete", args=[connected["kept"].pk])
    assert client.post(address, {"confirm": "idle-01"}).status_code == 403
    assert RollbackCopy.objects.get().state == CopyState.PRESENT


def test_hostile_names_are_escaped(scene: dict[str, Any], as_admin: Client) -> None:
    copy = seed.make_copy(scene["hurt"])
    page = as_admin.get(reverse("rollback-copy", args=[copy.pk])).content.decode()
    assert "<script>alert(" not in page
