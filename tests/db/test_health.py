"""The health of kvmweb: each sign, what is unknown, and the support bundle, in which no secret may be."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import OrmQ
from pydantic import PostgresDsn

from hosts.models import Host
from kvmweb.accounts.models import Token
from kvmweb.config import Config
from kvmweb.health import bundle
from kvmweb.health.signs import Level, Sign, look
from kvmweb.journal import tail, writer
from kvmweb.journal.models import EntryKind
from kvmweb.serve import pulse, record, sessions
from migrations_app.domain.lifecycle import State
from tests.web import seed
from tests.web.api_client import Api
from tests.web.conftest import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.dual]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(settings, "KVMWEB", settings.KVMWEB.model_copy(update={"data_dir": tmp_path}))
    return tmp_path


def _sign(user: User, name: str) -> Sign:
    return next(sign for sign in look(user).signs if sign.name == name)


def _serves(name: str = "watcher", *, pid: int = 0, restarts: int = 0, ticks: int | None = None) -> None:
    process = sessions.read(pid or os.getpid())
    assert process is not None
    entry = record.Running(
        name=name,
        pid=process.pid,
        ticks=process.started if ticks is None else ticks,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        restarts=restarts,
    )
    record.write([entry])


class TestSigns:
    def test_nothing_is_known_at_first(self, admin: User, folder: Path) -> None:
        states = {sign.name: sign.state for sign in look(admin).signs}
        assert (states["processes"], states["journal"], states["backup"]) == (Level.UNKNOWN,) * 3
        assert look(admin).state in (Level.UNKNOWN, Level.WARNING)  # the disk of this machine may be small
        for broken in ("", "[1]", '[{"name": "web"}]', '{"a"'):
            (folder / "run" / "children.json").write_text(broken)
            assert _sign(admin, "processes").state == Level.UNKNOWN

    def test_a_process(self, admin: User, folder: Path) -> None:
        _serves()
        assert _sign(admin, "process-watcher").state == Level.UNKNOWN  # no sign of life yet
        pulse.beat("watcher")
        assert _sign(admin, "process-watcher").state == Level.OK
        _serves(restarts=2)
        assert "2 times" in _sign(admin, "process-watcher").text
        old = timezone.now().timestamp() - 1000
        os.utime(pulse.file_of("watcher"), (old, old))
        assert _sign(admin, "process-watcher").state == Level.PROBLEM
        _serves(ticks=1)  # another process has its number now
        assert "does not run" in _sign(admin, "process-watcher").text
        _serves("tasks (migrations)")
        assert _sign(admin, "process-tasks-migrations").state == Level.UNKNOWN

    def test_queues(self, admin: User, folder: Path) -> None:
        now = timezone.now()
        OrmQ.objects.create(key="kvmweb", payload="", lock=now - timedelta(seconds=5))
        OrmQ.objects.create(key="migrations", payload="", lock=now - timedelta(minutes=5))
        OrmQ.objects.create(key="migrations", payload="", lock=now + timedelta(days=5))  # a worker has it
        assert _sign(admin, "queue-kvmweb").state == Level.OK
        slow = _sign(admin, "queue-migrations")
        assert (slow.state, slow.values["waiting"]) == (Level.WARNING, 1)
        assert slow.values["oldest_s"] >= 300

    def test_the_journal(self, admin: User, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tail, "_read_to", 0)
        writer.signal("inventory")
        assert _sign(admin, "journal").state == Level.OK
        for _ in range(101):
            writer.signal("inventory")
        assert _sign(admin, "journal").state == Level.WARNING

    def test_database_and_disk(self, admin: User, folder: Path) -> None:
        database, disk = _sign(admin, "database"), _sign(admin, "disk")
        assert database.values["bytes"] > 0
        assert 0 <= database.values["round_trip_ms"] < 10_000
        assert disk.values["free_bytes"] > 0

    def test_hosts(self, admin: User, folder: Path) -> None:
        assert _sign(admin, "hosts").state == Level.OK
        seed.make_host("kvm-a")
        assert _sign(admin, "hosts").text == "All 1 hosts are connected."
        seed.make_host("kvm-n", number=9, contact=Host.Contact.NEVER)
        assert _sign(admin, "hosts").state == Level.UNKNOWN
        seed.make_host("kvm-b", number=2, contact=Host.Contact.AWAY)
        assert _sign(admin, "hosts").values["unwell"] == ["kvm-b"]

    def test_a_backup(self, admin: User, folder: Path) -> None:
        (folder / "last_backup").write_text("yesterday")
        assert _sign(admin, "backup").state == Level.UNKNOWN
        (folder / "last_backup").write_text(timezone.now().isoformat())
        assert _sign(admin, "backup").state == Level.OK
        (folder / "last_backup").write_text((timezone.now() - timedelta(days=30)).isoformat())
        assert _sign(admin, "backup").state == Level.WARNING

    def test_over_the_api_and_on_the_page(self, admin: User, folder: Path) -> None:
        seed.make_host("kvm-b", contact=Host.Contact.AWAY)
        found = Api(admin).get("/health").json()
        assert found["state"] == "warning"
        assert {sign["name"]: sign["state"] for sign in found["signs"]}["hosts"] == "warning"
        page = client_of(admin).get("/console/health/").content.decode()
        assert "1 of 1 hosts need a look: kvm-b." in page
        assert "Download support bundle" in page


PLANTED = {
    "secret key": "django-secret-0123456789-abcdefghijklmnop",
    "ssh key": "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQ",
    "database password": "hunter2-of-postgres",
    "password of a graphics device": "vnc-pass-77",
    "password by its name": "plain-words",
    "password in an address": "s3cr3t-in-url",
}


@pytest.fixture
def planted(admin: User, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (folder / "ssh").mkdir()
    pem = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{PLANTED['ssh key']}\n-----END OPENSSH PRIVATE KEY-----\n"
    (folder / "ssh" / "id_ed25519").write_text(pem)
    url = PostgresDsn(f"postgresql://kvmweb:{PLANTED['database password']}@db.example/kvmweb")
    config: Config = settings.KVMWEB.model_copy(update={"database_url": url})
    monkeypatch.setattr(settings, "KVMWEB", config)
    monkeypatch.setattr(settings, "SECRET_KEY", PLANTED["secret key"])
    admin.set_password("correct horse battery")
    admin.save()
    host = seed.make_host(
        "kvm-a", contact_details=f"see {url} and postgresql://u:{PLANTED['password in an address']}@x/"
    )
    other = seed.make_host("kvm-b", number=2, contact_text=pem)
    token = Token.issue(admin)
    graphics = f"<graphics type='vnc' passwd='{PLANTED['password of a graphics device']}'/>"
    move = seed.make_migration(seed.make_guest("web-01", host), host, other, State.FAILED)
    type(move).objects.filter(pk=move.pk).update(state_text=f"libvirt said: {graphics}", source_xml=graphics)
    body = {
        "xml": graphics,
        token: [pem, {"key": PLANTED["secret key"]}],
        "json": json.dumps({"a": graphics}),
        "password": "plain-words",
    }
    for text in (
        token,
        pem,
        str(url),
        graphics,
        f"password={PLANTED['password in an address']}",
        PLANTED["secret key"],
    ):
        writer.write("host:1", EntryKind.NOTE, text, body=body, reason=text)
    stored = User.objects.get(pk=admin.pk).password
    return {**PLANTED, "token": token, "digest": Token.objects.get().digest, "password hash": stored}


def _whole(content: bytes) -> tuple[dict[str, str], bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = {one.name: tar.extractfile(one).read().decode() for one in tar if one.isreg()}  # type: ignore[union-attr]
    return files, gzip.decompress(content)


class TestTheBundle:
    def test_it_has_no_secret(self, admin: User, planted: dict[str, str], folder: Path) -> None:
        files, raw = _whole(bundle.make(admin))
        assert {what for what, secret in planted.items() if secret.encode() in raw} == set()
        assert b"PRIVATE KEY" not in raw
        assert set(files) == {
            "README.txt",
            *(f"{name}.json" for name in ("versions", "settings", "health", "hosts", "migrations", "journal")),
        }
        assert all(json.loads(text) for name, text in files.items() if name.endswith(".json"))
        assert "kvm-a" in files["hosts.json"]
        assert "web-01" in files["migrations.json"]

    def test_every_setting_is_listed_or_left_out_on_purpose(self) -> None:
        assert set(Config.model_fields) - set(bundle._SETTINGS) <= {"database_url", *LEFT_OUT}

    def test_from_the_page_and_the_command(self, admin: User, planted: dict[str, str], folder: Path) -> None:
        answer = client_of(admin).post("/console/health/support-bundle/")
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
        assert "hosts.json" in _whole(answer.content)[0]
        file = folder / "bundle.tar.gz"
        call_command("support_bundle", str(file), stdout=io.StringIO())
        assert file.stat().st_mode & 0o777 == 0o600
        assert "health.json" in _whole(file.read_bytes())[0]
        with pytest.raises(CommandError, match="already exists"):
            call_command("support_bundle", str(file), stdout=io.StringIO())


#: settings that others add and that may contain a secret
LEFT_OUT: set[str] = set()
