"""The first admin: as long as there is no user, a link that only the owner of the data folder can read makes one.

The link's file is also the claim: whoever renames it is the one that makes the admin.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from kvmweb.accounts import record
from kvmweb.accounts.grants import set_roles
from kvmweb.accounts.roles import Role

_NAME = "setup_link"


def offer(address: str) -> Path | None:
    """Write a new link, which begins with `address`, to a file that only its owner reads. None: there is a user."""
    file = link_file()
    file.unlink(missing_ok=True)
    if User.objects.exists():
        return None
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        # after the "?": no log of kvmweb has this part of an address
        opened.write(f"{address}/setup/?token={secrets.token_urlsafe(32)}\n")
    return file


def link_file() -> Path:
    folder: Path = settings.KVMWEB.data_dir
    return folder / _NAME


def holds(token: str) -> bool:
    """Whether this is the link's token and there is still no user."""
    try:
        known = link_file().read_text().strip().rpartition("=")[2]
    except OSError:
        return False
    return bool(known) and secrets.compare_digest(known.encode(), token.encode()) and not User.objects.exists()


def make(token: str, username: str, password: str) -> bool:
    """False: the token is not, or no longer, right. The caller has checked name and password."""
    if not holds(token):
        return False
    file = link_file()
    taken = file.with_name(f".{_NAME}.{secrets.token_hex(4)}")
    try:
        file.rename(taken)
    except FileNotFoundError:  # another browser was first
        return False
    try:
        with transaction.atomic():
            if User.objects.exists():
                return False
            user = User.objects.create_user(username, password=password)
            set_roles(user, [Role.ADMIN])
            record.changed(user, None)
    except BaseException:
        with suppress(OSError):
            taken.rename(file)
        raise
    finally:
        taken.unlink(missing_ok=True)
    return True
