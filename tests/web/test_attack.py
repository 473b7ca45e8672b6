"""What people of teams receive, whatever they try: no host's name, address or path, no word of libvirt, nothing of others.

Hosts, paths and errors get odd names that are nowhere else, also in what belongs to the own team; then every page,
operation and topic that the matrix knows is asked, for own, foreign and guessed objects.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from hosts.models import Guest, Host, StoragePool
from kvmweb.accounts.models import Token
from kvmweb.journal import live, writer
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.models import Migration, Preflight
from migrations_app.reading import follow
from tests.web import test_matrix_of_rights as matrix
from tests.web.conftest import client_of

scene, one_document = matrix.scene, matrix.one_document
NAME, ADDRESS, PATH, WORD = "qzhost", "203.0.113.", "/qzpath", "qzlibvirt"
ODD = (NAME, ADDRESS, PATH, WORD)
ERROR = f"{WORD}: internal error: cannot open '{PATH}/disk.qcow2' on {NAME}-1 ({ADDRESS}9)"
PEOPLE = sorted(matrix.ONLY_OWN)


@pytest.fixture
def odd(scene: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for number, host in enumerate(Host.objects.order_by("pk")):
        Host.objects.filter(pk=host.pk).update(
            name=f"{NAME}-{number}",
            address=f"{ADDRESS}{number}",
            peer_address=f"{ADDRESS}{100 + number}",
            migration_address=f"{ADDRESS}{200 + number}",
            hostname=f"{NAME}-{number}.example",
            contact_text=ERROR,
            contact_details=ERROR,
        )
    for guest in Guest.objects.all():
        disks = [{**disk, "path": f"{PATH}/{disk['target']}.qcow2"} for disk in guest.disks]
        Guest.objects.filter(pk=guest.pk).update(disks=disks, host_devices=[{"type": "pci", "name": f"{WORD} device"}])
        writer.write(writer.guest_topic(str(guest.pk)), EntryKind.NOTE, ERROR, body={"error": ERROR})
    finding = {"check": "cpu", "severity": "blocker", "summary": ERROR, "evidence": {"why": ERROR}, "affects": ERROR}
    findings = [finding | {"remedies": [{"text": ERROR, "command": ERROR, "on": f"{NAME}-1"}]}]
    for move in Migration.objects.all():
        Migration.objects.filter(pk=move.pk).update(state_text=ERROR, source_xml=f"<x>{ERROR}</x>", findings=findings)
        writer.write(move.topic, EntryKind.NOTE, ERROR, body={"error": ERROR, "host": f"{NAME}-1"}, reason=ERROR)
    Preflight.objects.update(findings=findings)
    for pool in StoragePool.objects.all():
        StoragePool.objects.filter(pk=pool.pk).update(name=f"{WORD}-pool-{pool.pk}")
    monkeypatch.setattr(matrix, "SECRETS", ODD)
    return scene


@pytest.mark.parametrize("role", PEOPLE)
def test_pages(odd: dict[str, Any], one_document: None, role: str) -> None:
    assert _told(matrix.page_mistakes(odd, role)) == {}


@pytest.mark.parametrize("role", PEOPLE)
def test_operations(odd: dict[str, Any], one_document: None, role: str) -> None:
    assert _told(matrix.operation_mistakes(odd, role)) == {}


def _told(mistakes: dict[str, Any]) -> dict[str, Any]:
    """Only what was told; whether the answer is the right one is for the matrix."""
    return {what: leaks for what, leaks in mistakes.items() if what.endswith(" tells")}


def test_the_odd_names_are_where_operators_read_them(odd: dict[str, Any]) -> None:
    """Else the other tests would find nothing whatever is shown."""
    client = client_of(odd["people"][matrix.Role.OPERATOR])
    page = client.get(f"/migrations/{odd['own']['move'].pk}/").content.decode()
    page += client.get(f"/vms/{odd['own']['guest'].pk}/").content.decode() + client.get("/hosts/1/").content.decode()
    assert {secret for secret in (NAME, PATH, WORD) if secret not in page} == set()


@pytest.mark.parametrize("role", PEOPLE)
def test_sockets(odd: dict[str, Any], role: str) -> None:
    """Only topics that a rule gives to people of teams, of these only the own, and in them nothing of hosts."""
    user = odd["people"][role]
    session = client_of(user).session.session_key
    mine, theirs = (matrix._objects(odd, which, user) for which in (matrix.OWN_OBJECT, matrix.OTHERS))
    for topic, allowed in matrix.TOPICS.items():
        key = {"guest": "uuid", "portal": "team", "moving": "team"}.get(topic, topic)
        guesses = ["1", "2", "3", "999999", "0", "-1", "x", str(uuid4()), str(theirs.get(key, 0)), "*", ""]
        own = str(mine.get(key, 0))
        for guess in [guess for guess in guesses if guess != own]:
            assert follow.refusal(user.pk, session, [f"{topic}:{guess}"]) != 0, (topic, guess)
        if role not in allowed:
            assert follow.refusal(user.pk, session, [topic]) != 0
            assert follow.refusal(user.pk, session, [f"{topic}:{own}"]) != 0
        elif live.has_renderer(f"{topic}:{own}"):
            told = str(live.rendered(f"{topic}:{own}", list(Entry.objects.filter(topic=f"{topic}:{own}"))))
            assert [secret for secret in ODD if secret in told] == []


@pytest.mark.parametrize("role", PEOPLE)
def test_what_belongs_to_others_looks_like_what_does_not_exist(
    odd: dict[str, Any], one_document: None, role: str
) -> None:
    """Status and text are the same, so that nobody learns by guessing what there is."""
    user = odd["people"][role]
    client, headers = Client(raise_request_exception=False), {"Authorization": f"Bearer {Token.issue(user)}"}
    others, missing = (matrix._objects(odd, which, user) for which in (matrix.OTHERS, matrix.MISSING))
    different = {}
    for operation in matrix.OPERATIONS:
        method, path = operation.split()
        if "{" in path:
            answers = [_answer(client, method, path.format(**values), headers) for values in (others, missing)]
            if answers[0] != answers[1]:
                different[operation] = answers
    assert different == {}


def _answer(client: Client, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    body = {} if method == "get" else {"data": "{}", "content_type": "application/json"}
    answer = getattr(client, method)(f"/api/v1{path}", headers=headers, **body)
    said = {**json.loads(answer.content or b"{}"), "instance": ""}
    return answer.status_code, json.dumps(said)
