"""An admin gives pools a name that people in teams may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import is_plain, isolated
from portal.models import Storage
from portal.usecases.errors import AskRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LONGEST_NAME = 63
LONGEST_POOL = 255


@transaction.atomic
def name_storage(name: str, pool: str, *, by: User, reason: str = "") -> Storage:
    """Raises AskRefused, PermissionDenied."""
    require(by, Right.MANAGE_TEAMS)
    name, pool = _line("name", name, LONGEST_NAME), _line("pool", pool, LONGEST_POOL)
    try:
        with transaction.atomic():
            storage = Storage.objects.create(name=name, pool=pool)
    except IntegrityError:
        raise AskRefused("name", "Another storage has this name.") from None
    _tell(by, f"named the storage pools {isolated(pool)} {isolated(name)} for teams", reason)
    return storage


@transaction.atomic
def remove_storage(storage: Storage, *, by: User, reason: str = "") -> bool:
    """False: somebody else has just done it. Raises PermissionDenied."""
    require(by, Right.MANAGE_TEAMS)
    gone, _ = Storage.objects.filter(pk=storage.pk).delete()
    if gone:
        _tell(by, f"removed the storage name {isolated(storage.name)}; the pools stay", reason)
    return bool(gone)


def _line(field: str, typed: str, longest: int) -> str:
    text = typed.strip()
    if not text or len(text) > longest or not is_plain(text):
        raise AskRefused(field, f"One line of at most {longest} characters is needed.")
    return text


def _tell(by: User, did: str, reason: str) -> None:
    writer.write(writer.STORAGES, EntryKind.ACTION, f"{isolated(by.get_username())} {did}", actor=by, reason=reason)
