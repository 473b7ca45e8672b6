"""kvmweb's own key, for the hosts."""

from __future__ import annotations

from django.conf import settings


def public_key_line() -> str:
    """The line for authorized_keys on the hosts; "" before `serve` or `install` made the key pair."""
    try:
        return (settings.KVMWEB.data_dir / "ssh" / "id_ed25519.pub").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
