"""What people with a role for a group of hosts receive, whatever they try: no name and no address of a host of another group.

What kvmweb has written about their own VMs and hosts names all the others here. This is the matrix of rights for the operator
of a group as well, so that nothing is asked twice.
"""

from __future__ import annotations

from typing import Any

import pytest

from hosts.models import Guest, Host
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from migrations_app.models import Migration, Preflight, RollbackCopy
from tests.web import test_matrix_of_rights as matrix
from tests.web.conftest import client_of

scene, one_document = matrix.scene, matrix.one_document
NAME, ADDRESS = "qzhost", "203.0.113."
ROLE = matrix.GROUP_OPERATOR


@pytest.fixture
def odd(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    others = Host.objects.exclude(group__name="north").exclude(pk=scene["c"].pk)  # of kvm-c a VM comes to them
    for number, host in enumerate(others):
        Host.objects.filter(pk=host.pk).update(
            name=f"{NAME}-{number}",
            address=f"{ADDRESS}{number}",
            peer_address=f"{ADDRESS}{100 + number}",
            migration_address=f"{ADDRESS}{200 + number}",
            hostname=f"{NAME}-{number}.example",
        )
    words = f"{NAME}-0.example and {NAME}-1 ({ADDRESS}1) are not reachable; kvmweb cannot tell whether it runs there."
    finding = {"check": "cpu", "severity": "blocker", "summary": words, "evidence": {NAME + "-1": words}}
    findings = [finding | {"affects": words, "remedies": [{"text": words, "command": words, "on": f"{NAME}-1"}]}]
    Host.objects.update(contact_text=words, contact_details=words)
    Migration.objects.update(state_text=words, findings=findings, reason=words, error={"cause": words})
    Preflight.objects.update(findings=findings)
    RollbackCopy.objects.update(state_text=words)
    for move in Migration.objects.all():
        writer.write(move.topic, EntryKind.NOTE, words, body={"error": words, "host": f"{NAME}-1"}, reason=words)
    for guest in Guest.objects.all():
        writer.write(writer.guest_topic(str(guest.pk)), EntryKind.NOTE, words)
    for host in Host.objects.all():
        writer.write(writer.host_topic(host.pk), EntryKind.NOTE, words)
    monkeypatch.setattr(matrix, "OF_OTHER_GROUPS", (NAME, ADDRESS))
    return scene


def test_operations(odd: dict[str, Any], one_document: None) -> None:
    assert matrix.operation_mistakes(odd, ROLE) == {}


def test_pages(odd: dict[str, Any], one_document: None) -> None:
    assert matrix.page_mistakes(odd, ROLE) == {}


def test_the_odd_names_are_where_others_read_them(odd: dict[str, Any]) -> None:
    """Else the other tests would find nothing whatever is shown."""
    client, own = client_of(odd["people"][matrix.Role.OPERATOR]), odd["own"]
    for page in (
        f"/migrations/{own['move'].pk}/",
        f"/hosts/{own['hosts'][0].pk}/",
        f"/rollback-copies/{own['copy'].pk}/",
    ):
        assert NAME in client.get(page).content.decode(), page
