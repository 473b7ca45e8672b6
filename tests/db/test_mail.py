"""Mails to people in teams, through a real mail server on 127.0.0.1."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from approvals.models import Approval
from hosts.usecases.teams import create_team, give_guest
from kvmweb.journal import writer
from portal import ledger
from portal.domain.states import NOT_BEGUN, RequestState
from portal.models import Notice, Request
from portal.usecases.tell import tell_approved, tell_team
from portal.worker import mail
from tests.db.mail_sink import Sink
from tests.web import seed

pytestmark = pytest.mark.django_db
SECRETS = ("kvm-", "192.0.2", "/testvms", "libvirt", "rule about")
PASSWORD = "a secret of the mail server"


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    with Sink() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", server.port, False
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "kvmweb", PASSWORD
        settings.DEFAULT_FROM_EMAIL = "kvmweb@kvmweb.example"
        settings.KVMWEB = settings.KVMWEB.model_copy(update={"email_url": "https://kvmweb.example"})
        yield server


@pytest.fixture
def shop(db: None) -> dict[str, Any]:
    scene = seed.scene()
    team = create_team("Shop", by=scene["admin"])
    give_guest(team, scene["idle"], by=scene["admin"])
    people = {}
    for name, role in (("mia", "member"), ("lea", "lead"), ("max", "member")):
        people[name] = seed.make_person(name, None, email="" if name == "max" else f"{name}@kvmweb.example")
        people[name].grants.create(role=role, scope=team.scope)
    scene["olga"].email = "olga@kvmweb.example"
    scene["olga"].save()
    request = seed.make_request(scene["idle"], team, by=people["mia"], reason="noisy disk")
    return {**scene, **people, "team": team, "request": request}


def _send() -> None:
    for pk in Notice.objects.values_list("pk", flat=True):
        mail.send_notice(pk)


def _become(request: Request, state: RequestState, text: str) -> None:
    with transaction.atomic():
        assert ledger.change(request.pk, NOT_BEGUN, state, text)


def test_who_asked_is_told_how_it_ended(sink: Sink, shop: dict[str, Any]) -> None:
    _become(shop["request"], RequestState.DENIED, "Denied by lea: Not today.")
    queued = [task.task["func"] for task in OrmQ.objects.all()]
    assert queued.count("portal.tasks.send_notice") == 1
    assert sink.mails == []  # not in the transaction
    _send()
    _send()  # a second delivery
    ((to, message),) = sink.mails
    assert to == ["mia@kvmweb.example"]
    assert message["Subject"] == "kvmweb: idle-01: denied"
    assert message["From"] == "kvmweb@kvmweb.example"
    body = message.get_content()
    for said in (
        "Denied by lea: Not today.",
        "noisy disk",
        f"https://kvmweb.example/portal/requests/{shop['request'].pk}/",
    ):
        assert said in body
    assert [secret for secret in SECRETS if secret in str(message)] == []
    assert Notice.objects.get().sent_at is not None


@pytest.mark.parametrize(("role", "reader"), [("lead", "lea"), ("operator", "olga")])
def test_who_must_approve_is_told(sink: Sink, shop: dict[str, Any], role: str, reader: str) -> None:
    about = {"subject": writer.request_topic(shop["request"].pk), "guest": shop["idle"], "guest_name": "idle-01"}
    shop["mia"].grants.create(role="operator")  # nobody approves the own request
    approval = Approval.objects.create(**about, role=role, rule="rule about kvm-a", plan_hash="1", asked_by=shop["mia"])
    _become(shop["request"], RequestState.WAITING_APPROVAL, "It waits for approval.")
    _send()
    ((to, message),) = sink.mails
    assert to == [f"{reader}@kvmweb.example"]
    assert message["Subject"] == "kvmweb: idle-01: waits for your approval"
    assert [secret for secret in SECRETS if secret in str(message)] == []
    sink.mails.clear()
    tell_approved(approval)
    assert not Notice.objects.filter(sent_at=None).exists()  # it is open
    approval.state = "approved"
    tell_approved(approval)
    _send()
    assert [to for to, _ in sink.mails] == [["mia@kvmweb.example"]]


def test_a_team_is_told_and_who_has_no_address_is_not(sink: Sink, shop: dict[str, Any]) -> None:
    shop["lea"].is_active = False
    shop["lea"].save()
    tell_team(shop["team"], "idle-01 migrates now", "Operations need it urgently: a disk fails.")
    _send()
    assert [to for to, _ in sink.mails] == [["mia@kvmweb.example"]]


def test_nobody_writes_into_the_head_of_a_mail(sink: Sink, shop: dict[str, Any]) -> None:
    name = "web\r\nBcc: all@kvmweb.example\u2028\u202ex\x00 end"
    Request.objects.update(guest_name=name)
    _become(shop["request"], RequestState.FAILED, "It did not migrate.\n.\nRCPT TO:<all@kvmweb.example>")
    shop["mia"].email = "mia@kvmweb.example"
    shop["mia"].save()
    _send()
    ((to, message),) = sink.mails
    assert to == ["mia@kvmweb.example"]
    assert message["Bcc"] is None
    assert message["Subject"] == "kvmweb: web Bcc: all@kvmweb.example x end: failed"
    shop["mia"].email = "mia@kvmweb.example\nBcc: all@kvmweb.example"
    shop["mia"].save()
    tell_team(shop["team"], "x", "y")
    sink.mails.clear()
    _send()
    assert [to for to, _ in sink.mails] == [["lea@kvmweb.example"]]


@pytest.mark.parametrize("refuse", ["AUTH", "RCPT", "everything"])
def test_a_server_that_refuses_is_tried_again_and_then_given_up(
    sink: Sink, shop: dict[str, Any], caplog: pytest.LogCaptureFixture, settings: Any, refuse: str
) -> None:
    sink.refuse = refuse
    if refuse == "everything":
        settings.EMAIL_PORT = 9  # nobody listens there
    caplog.set_level(logging.WARNING)
    _become(shop["request"], RequestState.FAILED, "It did not migrate.")
    row = Notice.objects.get()
    for attempt in range(1, 10):
        Notice.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        _send()
        row.refresh_from_db()
        assert row.attempts == min(attempt, len(mail.WAITS) + 1)
    assert (row.due_at, row.sent_at, sink.mails) == (None, None, [])
    said = [record.getMessage() for record in caplog.records if "could not be sent" in record.getMessage()]
    assert len(said) == len(mail.WAITS) + 1
    assert "given up" in said[-1]
    assert PASSWORD not in caplog.text
    assert "AUTH PLAIN" not in caplog.text


def test_the_watcher_asks_again_and_forgets(sink: Sink, shop: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_looked", "_swept"):
        monkeypatch.setattr(mail, name, float("-inf"))
    tell_team(shop["team"], "x", "y")
    OrmQ.objects.all().delete()  # the queue has lost them
    Notice.objects.filter(to=shop["lea"]).update(created_at=timezone.now() - timedelta(days=31))
    mail.tick()
    mail.tick()
    assert OrmQ.objects.count() == 2
    assert [row.to for row in Notice.objects.all()] == [shop["mia"]]


def test_without_a_server_nothing_is_written(shop: dict[str, Any]) -> None:
    _become(shop["request"], RequestState.FAILED, "It did not migrate.")
    assert not Notice.objects.exists()


def test_create_user_gives_an_address(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    from django.contrib.auth.models import User
    from django.core.management.base import CommandError

    def create(*options: str) -> None:
        monkeypatch.setattr("sys.stdin", StringIO(f"{seed.PASSWORD}\n"))
        call_command("create_user", "anna", "--role", "viewer", "--password-stdin", *options, stdout=StringIO())

    create("--email", "anna@kvmweb.example")
    create()
    assert User.objects.get().email == "anna@kvmweb.example"
    with pytest.raises(CommandError):
        create("--email", "nobody")
    create("--email", "")
    assert User.objects.get().email == ""
