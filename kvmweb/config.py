"""The settings of an installation: environment variables `KVMWEB_*`, or the same names in a TOML file.

Invalid values are refused at start, with the variable's name. kvmweb's own secrets are files in the data folder; those
of other servers, such as that for mail, are settings.
"""

from __future__ import annotations

import os
import re
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PostgresDsn, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

BASE_DIR = Path(__file__).resolve().parent.parent
#: what the query of the database's URL may hand to PostgreSQL's client library
DATABASE_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name")
_HOST = re.compile(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]")
_ORIGIN = re.compile(r"(?i:https?)://([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[A-Za-z0-9.-]+")


class Config(BaseSettings):
    """Seconds and counts as named; `docs/settings.md` lists them with their meaning."""

    model_config = SettingsConfigDict(env_prefix="KVMWEB_", extra="forbid", frozen=True)

    data_dir: Path = BASE_DIR / "var"
    database_url: PostgresDsn | None = None
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ("localhost", "127.0.0.1", "[::1]")
    trusted_origins: Annotated[tuple[str, ...], NoDecode] = ()
    #: the peers whose X-Forwarded-For is used
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    https: bool = False
    session_idle_minutes: int = Field(default=720, ge=1, le=525_600)
    session_hours: int = Field(default=336, ge=1, le=8_760)
    debug: bool = False
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    #: the watcher's periodic re-read of a host; changes arrive by events and do not wait for it
    refresh_seconds: float = Field(default=30.0, ge=1, le=86_400)
    #: how long to wait for one libvirt call
    host_deadline_seconds: float = Field(default=8.0, ge=1, le=120)
    #: a VM that no host has reported for this long is forgotten; 0: never
    forget_days: int = Field(default=30, ge=0, le=3650)
    #: rollback copies that are older are named in a reminder; 0: never. Time alone deletes none.
    rollback_reminder_days: int = Field(default=14, ge=0, le=3650)
    max_migrations: int = Field(default=4, ge=1, le=32)
    max_migrations_out: int = Field(default=1, ge=1, le=16)
    max_migrations_in: int = Field(default=1, ge=1, le=16)
    queue_poll_seconds: float = Field(default=0.05, ge=0.01, le=5)
    queue_timeout_seconds: int = Field(default=2_592_000, ge=3600)
    queue_retry_seconds: int = Field(default=2_678_400, ge=3600)

    #: None: no mails
    email_server: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.:_-]+$")
    email_port: int = Field(default=587, ge=1, le=65_535)
    email_tls: str = Field(default="starttls", pattern="^(starttls|tls|none)$")
    email_user: str | None = None
    email_password: SecretStr | None = None
    email_from: str | None = Field(default=None, validate_default=True)
    #: for links in mails
    email_url: str | None = None

    @field_validator("email_from")
    @classmethod
    def _sender(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("email_server") and not value:
            raise ValueError("name the address that mails come from")
        if value and not _ADDRESS.fullmatch(value):
            raise ValueError("use a mail address such as kvmweb@kvmweb.example, without a name")
        return value

    @field_validator("email_url")
    @classmethod
    def _link(cls, value: str | None) -> str | None:
        if value and not _ORIGIN.fullmatch(value.rstrip("/")):
            raise ValueError("write it as https://kvmweb.example, without path")
        return value

    @field_validator("allowed_hosts", "trusted_origins", "trusted_proxies", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        if not value.name:
            raise ValueError("name a folder, not /")
        return value if value.is_absolute() else Path.cwd() / value

    @field_validator("data_dir")
    @classmethod
    def _usable(cls, value: Path) -> Path:
        """The folder, or the one it will be made in."""
        there = next(folder for folder in (value, *value.parents) if os.path.exists(folder))
        if not there.is_dir():
            raise ValueError("this is not a folder, or its parent is not one")
        if not os.access(there, os.W_OK | os.X_OK):
            raise ValueError("the user that runs kvmweb may not write there")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one host, or nobody can reach kvmweb")
        if not all(_HOST.fullmatch(name) for name in value):
            raise ValueError("use host names and IP addresses only, without https://, port or path; IPv6 in brackets")
        return value

    @field_validator("trusted_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """No wildcards: Django would take them for forms, and websockets compare whole origins."""
        if not all(_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("write them as https://kvmweb.example or https://kvmweb.example:8443, without path or *")
        return tuple(origin.lower() for origin in value)

    @field_validator("trusted_proxies")
    @classmethod
    def _peers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(ip_network(peer) if "/" in peer else ip_address(peer)) for peer in value)
        except ValueError:
            raise ValueError(
                "use addresses such as 192.0.2.7 or networks such as 192.0.2.0/24, not names or *"
            ) from None

    @field_validator("database_url")
    @classmethod
    def _one_database(cls, value: PostgresDsn | None) -> PostgresDsn | None:
        if value is None:
            return None
        if value.scheme not in ("postgresql", "postgres"):
            raise ValueError("it must begin with postgresql://, without a driver name")
        if len(value.hosts()) > 1:
            raise ValueError("name one host")
        if {name for name, _ in value.query_params()} - {"host", *DATABASE_OPTIONS}:
            raise ValueError(f"the query may only contain host, {', '.join(DATABASE_OPTIONS)}")
        return value

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *args: Any, **kwargs: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = Path(os.environ.get("KVMWEB_CONFIG_FILE", "/etc/kvmweb.toml"))
        return (kwargs["env_settings"], TomlConfigSettingsSource(settings_cls, toml_file=file))


class BadSettings(SystemExit):
    """Ends the process and names the invalid settings; never shows their values."""


def load() -> Config:
    named = os.environ.get("KVMWEB_CONFIG_FILE")
    if named is not None and not Path(named).is_file():
        raise BadSettings(f"KVMWEB_CONFIG_FILE: there is no file {named!r}.")
    known = {f"KVMWEB_{name.upper()}" for name in Config.model_fields} | {"KVMWEB_CONFIG_FILE", "KVMWEB_LAB_PREFIX"}
    strange = sorted(name for name in os.environ if name.startswith("KVMWEB_") and name not in known)
    if strange:
        raise BadSettings(f"Unknown settings: {', '.join(strange)}. docs/settings.md lists all settings.")
    try:
        return Config()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"The settings file cannot be read: {error}") from None
    except ValidationError as error:
        lines = [
            f"KVMWEB_{'_'.join(map(str, item['loc'][:1])).upper()}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors()
        ]
        raise BadSettings("\n".join(lines)) from None
