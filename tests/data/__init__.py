"""XML as libvirt wrote it, on Debian 12 (bookworm) and 13 (trixie), and some made up after its documentation."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).resolve().parent


def read(name: str) -> str:
    return (_FOLDER / name).read_text()
