"""Secrets live in files of the data folder: mode 0600, made once, exclusively, never printed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def private_folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The file's text; made with `make()` by exactly one of any number of processes that ask at the same time."""
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
    text = path.read_text().strip()
    if len(text) < 50:
        raise SystemExit(f"{path} is damaged: it should hold at least 50 characters. Restore it or remove it.")
    return text


def secret_key(data_dir: Path) -> str:
    return read_or_create(data_dir / "secret_key", lambda: secrets.token_urlsafe(64))
