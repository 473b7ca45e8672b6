"""The support bundle has what helps, and none of the secrets that were planted everywhere."""

from __future__ import annotations

import io
import json
import stat
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from pydantic import PostgresDsn

from hosts.models import Host
from kvmweb.accounts.models import Token
from kvmweb.config import Config
from kvmweb.health import bundle, scrub
from kvmweb.journal import writer
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.models import Migration
from tests.web.pages import flat

PRIVATE_KEY = """-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACDplantedplantedplantedplantedplantedplantedplantedAAAAJ
-----END OPENSSH PRIVATE KEY-----
"""
#: not one of this installation
OTHER_KEY = PRIVATE_KEY.replace("planted", "foreign").replace("OPENSSH", "RSA")
KEY_LINE = "QyNTUxOQAAACDplantedplantedplantedplantedplantedplantedplantedAAAAJ"
DATABASE_PASSWORD = "d@tab/ase:pw"
QUOTED = "d%40tab%2Fase%3Apw"
FILES = {"README.txt", "versions.json", "settings.json", "health.json", "hosts.json", "journal.json", "migrations.json"}


@pytest.fixture
def planted(scene: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What must not leave -> where it was put."""
    data = tmp_path / "data"
    (data / "ssh").mkdir(parents=True)
    (data / "ssh" / "id_ed25519").write_text(PRIVATE_KEY)
    (data / "setup_link").write_text("http://127.0.0.1:8000/setup/?token=setupsetupsetupsetup\n")
    (data / "secret_key").write_text("s" + settings.SECRET_KEY[1:])
    url = PostgresDsn(f"postgresql://kvmweb:{QUOTED}@db.lab/kvmweb")
    monkeypatch.setattr(settings, "KVMWEB", settings.KVMWEB.model_copy(update={"data_dir": data, "database_url": url}))
    monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", DATABASE_PASSWORD)
    monkeypatch.setattr(settings, "EMAIL_HOST_PASSWORD", "mailmailmail")
    admin = scene["admin"]
    token = Token.issue(admin)
    secrets = {
        settings.SECRET_KEY: "the key in use",
        (data / "secret_key").read_text(): "the key in its file",
        KEY_LINE: "the private ssh key",
        KEY_LINE.replace("planted", "foreign"): "another private key",
        "setupsetupsetupsetup": "the set-up link",
        "mailmailmail": "the mail server's password",
        DATABASE_PASSWORD: "the database's password",
        QUOTED: "the same in the URL",
        token: "a token",
        Token.objects.get(user=admin).digest: "the hash of a token",
        admin.password: "the hash of a password",
        "vncvnc1": "a password in a definition",
        "proxyproxy": "a password in an address",
        "hunter2": "a password in a sentence",
        "inabodyinabody": "a password in a body",
    }
    looks = (KEY_LINE.replace("planted", "foreign"), "vncvnc1", "proxyproxy", "hunter2", "inabodyinabody")
    said = " and ".join(one for one in secrets if one not in looks)
    said += (
        f" {PRIVATE_KEY} {OTHER_KEY} https://me:proxyproxy@proxy.lab/ password: hunter2 <graphics passwd='vncvnc1'/>"
    )
    said += f" {OTHER_KEY[:200]!r}"  # its end was cut off
    body = {"said": said, "password": "inabodyinabody", "deep": [{"access_token": "inabodyinabody"}], said: 1}
    writer.write("logins", EntryKind.NOTE, said, body=body, reason=said)
    writer.write(scene["running"].topic, EntryKind.PROGRESS, said, body=body)
    Host.objects.filter(name="kvm-c").update(contact_text=said, contact_details=said)
    steps = [{"step": "make volume", "about": body, "state": "done", "evidence": None}]
    Migration.objects.filter(pk=scene["running"].pk).update(
        reason=said,
        state_text=said,
        source_xml=said,
        steps=steps,
        error={"cause": said, "what_to_do": said, "libvirt": said},
    )
    return secrets


def _read(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def _made() -> dict[str, str]:
    content = io.BytesIO()
    bundle.write(content)
    return _read(content.getvalue())


def test_no_secret_leaves(planted: dict[str, str]) -> None:
    files = _made()
    found = {(name, where) for name, text in files.items() for secret, where in planted.items() if secret in text}
    assert found == set()
    assert "PRIVATE KEY" not in "".join(files.values())
    assert files["journal.json"].count(scrub.GONE) > len(planted)


def test_what_helps_is_there(planted: dict[str, str], scene: dict[str, Any]) -> None:
    files = {name: json.loads(text) for name, text in _made().items() if name != "README.txt"}
    assert {*files, "README.txt"} == FILES
    assert {name for name, value in files.items() if "could_not_be_read" in value} == set()
    assert "Django" in files["versions.json"]["packages"]
    assert "host_deadline_seconds" in files["settings.json"]["shown"]
    assert files["health.json"][0]["name"] == "Process serve"
    kvm_a = next(host for host in files["hosts.json"] if host["name"] == "kvm-a")
    assert kvm_a["libvirt_version"] == Host.objects.get(name="kvm-a").libvirt_version
    assert files["journal.json"][-1]["topic"] == "logins"
    running = next(one for one in files["migrations.json"] if one["migration"]["id"] == scene["running"].pk)
    assert running["migration"]["source"] == "kvm-a"
    assert running["steps"][0]["step"] == "make volume"
    assert running["journal"]


def test_a_setting_that_nobody_judged_is_left_out() -> None:
    assert set(bundle.SETTINGS) <= set(Config.model_fields)
    assert "database_url" not in bundle.SETTINGS
    assert "database_url" in bundle._settings()["left_out"]


def test_what_cannot_be_read_does_not_hide_the_rest(planted: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise OperationalError(f"connection to postgresql://kvmweb:{QUOTED}@db.lab failed")

    monkeypatch.setitem(bundle.CONTENTS, "hosts.json", ("hosts", broken))
    files = _made()
    assert "OperationalError" in files["hosts.json"]
    assert QUOTED not in files["hosts.json"]
    assert "packages" in files["versions.json"]


@pytest.mark.parametrize(
    "text",
    ["The token was refused.", "password of kvm-a changed", "ssh://root@kvm-a/system", "md5 of vda: abc", "key: br0"],
)
def test_ordinary_sentences_stay(text: str) -> None:
    assert scrub.Scrubber(["br0", ""]).text(text) == text


def test_the_command_writes_a_new_file_for_its_owner_only(scene: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    call_command("support_bundle", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(_read(file.read_bytes())) == FILES
    with pytest.raises(CommandError, match="already exists"):
        call_command("support_bundle", str(file))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("support_bundle", str(tmp_path / "nowhere" / "bundle.zip"))


def test_a_bundle_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle, "write", full)
    with pytest.raises(CommandError, match="No space left"):
        bundle.make(tmp_path / "bundle.zip")
    assert list(tmp_path.iterdir()) == []


def test_an_admin_downloads_it(as_admin: Client, scene: dict[str, Any]) -> None:
    assert "Support bundle" in flat(as_admin.get("/console/health/"))
    answer = as_admin.post("/console/health/bundle/")
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith('attachment; filename="kvmweb-support-')
    assert set(_read(answer.content)) == FILES
    told = Entry.objects.filter(topic=writer.SUPPORT).get()
    assert (told.kind, told.actor) == (EntryKind.ACTION, scene["admin"])
    assert as_admin.get("/console/health/bundle/").status_code == 405


def test_long_texts_take_no_time() -> None:
    began = time.thread_time()
    for text in (
        "a" * 10**6,
        "a.-" * 10**5,
        "a://" * 10**5,
        ":" * 10**6,
        "a_" * 10**5,
        "x://:" * 10**5,
        "-----BEGIN " * 10**4,
    ):
        scrub.Scrubber(["secretsecret"]).text(text)
    assert time.thread_time() - began < 10
