"""Wrong settings are refused at start by name, and their values are not shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kvmweb import config


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*config.Config.model_fields, "lab_prefix"):
        monkeypatch.delenv(f"KVMWEB_{name.upper()}", raising=False)
    _file(monkeypatch, tmp_path, "")


def _file(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    (folder / "kvmweb.toml").write_text(text)
    monkeypatch.setenv("KVMWEB_CONFIG_FILE", str(folder / "kvmweb.toml"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KVMWEB_REFRESH_SECONDS", "soon"),
        ("KVMWEB_REFRESH_SECONDS", "0"),
        ("KVMWEB_HOST_DEADLINE_SECONDS", "-1"),
        ("KVMWEB_MAX_MIGRATIONS", "0"),
        ("KVMWEB_MAX_MIGRATIONS", "2.5"),
        ("KVMWEB_HTTPS", "perhaps"),
        ("KVMWEB_LOG_LEVEL", "chatty"),
        ("KVMWEB_DATABASE_URL", "mysql://somebody:letmein@db/kvmweb"),
        ("KVMWEB_QUEUE_POLL_SECONDS", "nan"),
        ("KVMWEB_DATA_DIR", ""),
        ("KVMWEB_DATA_DIR", "/etc/hostname"),
        ("KVMWEB_DATA_DIR", "/etc/hostname/data"),
        ("KVMWEB_ALLOWED_HOSTS", ""),
        ("KVMWEB_ALLOWED_HOSTS", "https://kvmweb.example"),
        ("KVMWEB_ALLOWED_HOSTS", "kvmweb.example:8000"),
        ("KVMWEB_ALLOWED_HOSTS", "::1"),
        ("KVMWEB_TRUSTED_ORIGINS", "kvmweb.example"),
        ("KVMWEB_TRUSTED_ORIGINS", "https://kvmweb.example/"),
        ("KVMWEB_TRUSTED_ORIGINS", "https://*.example"),
        ("KVMWEB_TRUSTED_ORIGINS", "ftp://kvmweb.example"),
        ("KVMWEB_TRUSTED_PROXIES", "*"),
        ("KVMWEB_TRUSTED_PROXIES", "proxy.example"),
        ("KVMWEB_TRUSTED_PROXIES", "192.0.2.7/24"),
        ("KVMWEB_TRUSTED_PROXIES", "192.0.2.7:443"),
        ("KVMWEB_DATABASE_URL", "postgresql+asyncpg://somebody:letmein@db/kvmweb"),
        ("KVMWEB_DATABASE_URL", "postgresql://somebody:letmein@db1,db2/kvmweb"),
        ("KVMWEB_DATABASE_URL", "postgresql://somebody:letmein@db/kvmweb?sslmod=require"),
    ],
)
def test_wrong_values_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(config.BadSettings) as refused:
        config.load()
    assert name in str(refused.value)
    assert "letmein" not in str(refused.value)


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVMWEB_HTTPS", "perhaps")
    monkeypatch.setenv("KVMWEB_MAX_MIGRATIONS", "many")
    with pytest.raises(config.BadSettings, match=r"(?s)MAX_MIGRATIONS.*HTTPS|HTTPS.*MAX_MIGRATIONS"):
        config.load()


def test_unknown_settings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVMWEB_REFRESH_SECOND", "3")
    with pytest.raises(config.BadSettings, match="KVMWEB_REFRESH_SECOND"):
        config.load()


def test_unknown_names_in_the_file_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _file(monkeypatch, tmp_path, "refresh_second = 3")
    with pytest.raises(config.BadSettings, match="KVMWEB_REFRESH_SECOND"):
        config.load()


def test_a_file_that_is_no_toml_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _file(monkeypatch, tmp_path, "refresh_seconds: 3")
    with pytest.raises(config.BadSettings, match="cannot be read"):
        config.load()


def test_a_named_file_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVMWEB_CONFIG_FILE", "/nowhere/kvmweb.toml")
    with pytest.raises(config.BadSettings, match="KVMWEB_CONFIG_FILE"):
        config.load()


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _file(monkeypatch, tmp_path, 'refresh_seconds = 3\nmax_migrations = 2\nallowed_hosts = ["kvmweb.example.org"]')
    monkeypatch.setenv("KVMWEB_MAX_MIGRATIONS", "3")
    loaded = config.load()
    assert (loaded.refresh_seconds, loaded.max_migrations) == (3, 3)
    assert loaded.allowed_hosts == ("kvmweb.example.org",)


def test_lists_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVMWEB_ALLOWED_HOSTS", "kvmweb.example.org, 192.0.2.7")
    assert config.load().allowed_hosts == ("kvmweb.example.org", "192.0.2.7")


def test_a_relative_data_folder_is_made_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVMWEB_DATA_DIR", "data")
    assert config.load().data_dir == Path.cwd() / "data"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KVMWEB_ALLOWED_HOSTS", "*"),
        ("KVMWEB_ALLOWED_HOSTS", ".example.org [::1] kvm-web.example 192.0.2.7"),
        ("KVMWEB_TRUSTED_ORIGINS", "HTTPS://Kvmweb.example:8443 http://192.0.2.7 http://[::1]:8000"),
        ("KVMWEB_DATABASE_URL", "postgres://kvmweb@localhost/kvmweb?host=/run/postgresql&sslmode=require"),
        ("KVMWEB_DATA_DIR", "nowhere/yet/data"),
        ("KVMWEB_TRUSTED_PROXIES", "127.0.0.1, ::1 192.0.2.0/24"),
    ],
)
def test_right_values_are_taken(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    config.load()


def test_origins_are_compared_in_small_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVMWEB_TRUSTED_ORIGINS", "HTTPS://Kvmweb.Example")
    assert config.load().trusted_origins == ("https://kvmweb.example",)


def test_what_the_database_url_says_about_tls_reaches_the_client(tmp_path: Path) -> None:
    url = "postgresql://kvmweb@db.example/kvmweb?sslmode=verify-full&connect_timeout=3"
    environment = {**os.environ, "KVMWEB_DATABASE_URL": url, "KVMWEB_DATA_DIR": str(tmp_path)}
    code = "from kvmweb import settings; print(settings.DATABASES['default']['OPTIONS'])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=config.BASE_DIR, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'sslmode': 'verify-full', 'connect_timeout': '3'}"


def test_the_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVMWEB_EMAIL_SERVER", "mail.kvmweb.example")
    with pytest.raises(config.BadSettings, match="KVMWEB_EMAIL_FROM"):
        config.load()
    for wrong in ("nobody", "kvmweb <kvmweb@kvmweb.example>", "kvmweb@kvmweb.example\nBcc: x@kvmweb.example"):
        monkeypatch.setenv("KVMWEB_EMAIL_FROM", wrong)
        with pytest.raises(config.BadSettings, match="KVMWEB_EMAIL_FROM"):
            config.load()
    monkeypatch.setenv("KVMWEB_EMAIL_FROM", "kvmweb@kvmweb.example")
    monkeypatch.setenv("KVMWEB_EMAIL_PASSWORD", "hidden from everybody")
    made = config.load()
    assert (made.email_port, made.email_tls) == (587, "starttls")
    assert "hidden" not in repr(made)
    for name, value in (("TLS", "maybe"), ("PORT", "0"), ("URL", "kvmweb.example"), ("SERVER", "mail server")):
        with monkeypatch.context() as patch:
            patch.setenv(f"KVMWEB_EMAIL_{name}", value)
            with pytest.raises(config.BadSettings, match=f"KVMWEB_EMAIL_{name}"):
                config.load()
