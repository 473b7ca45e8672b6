"""Secrets are files in the data folder: mode 0600, made once, never printed."""

from __future__ import annotations

import os
import pwd
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def private_folder(path: Path) -> Path:
    """Made with its missing parents, all for their owner only; a folder that exists keeps its mode."""
    missing = []
    above = path
    while not above.exists():
        missing.append(above)
        above = above.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True, mode=0o700)
    path.mkdir(exist_ok=True)
    return path


def private_database(path: Path) -> Path:
    """Made for its owner only before SQLite opens it, which would use the umask.

    The files beside it take their mode from it; those of an earlier release are changed too. Ends the process when
    one of them cannot be written: kvmweb could not even read then, since SQLite's log is part of the database.
    """
    private_folder(path.parent)
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        file = path.with_name(name)
        try:
            if file == path or file.exists():
                os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise SystemExit(f"{file} cannot be written: {error.strerror}. {_whose(file)}") from None
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with suppress(FileNotFoundError, PermissionError):
            file = path.with_name(name)
            if stat.S_IMODE(file.stat().st_mode) & 0o077:
                file.chmod(0o600)
    return path


def _whose(file: Path) -> str:
    """Whose file it is, and as whom kvmweb runs."""
    try:
        owner = file.stat().st_uid
    except OSError:
        owner = file.parent.stat().st_uid
    if owner == os.geteuid():
        return "Make the file, its folder and its file system writable."
    return f"It belongs to {_user(owner)}, and this process runs as {_user(os.geteuid())}: run kvmweb as its owner."


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The file's text. If there is no file, one process makes it with `make()`, however many ask at the same time."""
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(make())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # fails when another process was first: then its text counts
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return _read(path)


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        text = ""
    except (PermissionError, IsADirectoryError) as error:
        raise SystemExit(f"{path} cannot be read: {error.strerror}.") from None
    if len(text) < 50:
        raise SystemExit(
            f"{path} is damaged: it should have at least 50 ASCII characters. Restore it from a backup, or delete it."
        )
    return text


def secret_key(data_dir: Path) -> str:
    """Refused when other users may read it: with it anybody can log in as any user."""
    path = data_dir / "secret_key"
    text = read_or_create(path, lambda: secrets.token_urlsafe(64))
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SystemExit(
            f"{path} can be read by other users (mode {mode:04o}). Anybody who has read it can log in as any user."
            " Delete it and start kvmweb again: it creates a new key, and all users must log in again."
            f" If you are sure that nobody has read it: chmod 600 {path}"
        )
    return text
